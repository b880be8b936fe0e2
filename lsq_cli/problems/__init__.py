"""The forms of a problem: by its sums, wide, or by its rows. They look alike; `choosing` picks one."""
