"""Where the blocks are summed: threads of this machine, later others; an engine is one function, `fold`."""
