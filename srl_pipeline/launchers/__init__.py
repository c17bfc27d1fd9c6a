"""Where training runs: today in a child process of this machine."""
