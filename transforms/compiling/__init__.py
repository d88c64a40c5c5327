"""How functions are compiled with numba, and where their machine code is kept between processes."""
