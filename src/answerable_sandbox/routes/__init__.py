"""The wire forms of the outside systems: each module speaks one vendor's HTTP dialect."""
