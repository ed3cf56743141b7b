"""Files that hold vessel graphs: one module a format, each giving a `raw.RawNetwork`."""
