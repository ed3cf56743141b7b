"""What the particle is: its size, how it moves through matrix and plasma, and the catalogue of agents."""
