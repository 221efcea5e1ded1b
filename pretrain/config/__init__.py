"""What the user gives: options, flags of the command line, TOML files."""
