package config

// Default returns the configuration of a file that says nothing, which is not a valid one: some fields are required.
func Default() *Config { return defaultConfig() }
