"""The TOML config: what may stand in it, how it is read, and what is checked before anything is computed."""
