"""Where rows come from: files, pipes and arrays, as handles on blocks of rows; no mathematics."""
