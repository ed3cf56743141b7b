"""Blood vessels: their wall, their network, and the blood that flows in them."""
