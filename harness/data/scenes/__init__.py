"""Made scenes: pictures of a few shapes, with captions in ten languages and all that is true of them."""
