"""Where the arrays live and the kernels run: numpy, native or cuda. Nothing above this floor asks which."""
