# Pitcall's image: one for api, worker and outbox; the command says which.
FROM python:3.12.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/pitcall
# The lock alone first: the layer stays while only the product's own code changes.
COPY requirements/runtime.lock requirements/
RUN /opt/pitcall/bin/pip install --no-deps --require-hashes -r requirements/runtime.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY domain domain
COPY models models
COPY workflow workflow
COPY streams streams
COPY adapters adapters
COPY api api
COPY web web
COPY simulators simulators
COPY pitcall pitcall
RUN /opt/pitcall/bin/pip install --no-deps --no-build-isolation .

FROM python:3.12.12-slim-bookworm
RUN groupadd --system --gid 10001 pitcall \
    && useradd --system --uid 10001 --gid pitcall --no-create-home --shell /usr/sbin/nologin pitcall \
    && install -d -o pitcall -g pitcall -m 0700 /var/lib/pitcall
COPY --from=build /opt/pitcall /opt/pitcall
# 0.0.0.0 is inside the container only: nothing is reachable until a port is published. The matrix products are small,
# and threads of their own would fight with the workers'.
ENV PATH=/opt/pitcall/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1 \
    PITCALL_HTTP_HOST=0.0.0.0 \
    PITCALL_HTTP_PORT=8080 \
    PITCALL_DATA_DIR=/var/lib/pitcall \
    PITCALL_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/pitcall
VOLUME /var/lib/pitcall
EXPOSE 8080
# For the api; the compose file gives worker and outbox, which serve no HTTP, a check of their own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["pitcall"]
CMD ["api"]
