"""What a competent engineer would write first with other tools. Run in an environment of their own."""
