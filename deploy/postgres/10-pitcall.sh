#!/bin/sh
# Runs once, inside the PostgreSQL container, when its data folder is new: makes the product's own role and database.
# The role owns its database and is no superuser; btree_gist is a trusted extension, so the owner may create it.
set -eu
psql --username "${POSTGRES_USER:-postgres}" --dbname postgres --set ON_ERROR_STOP=1 --set password="$DATABASE_PASSWORD" <<'SQL'
CREATE ROLE pitcall LOGIN PASSWORD :'password';
CREATE DATABASE pitcall OWNER pitcall ENCODING 'UTF8' TEMPLATE template0;
SQL
