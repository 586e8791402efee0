"""Phantoms: vessel trees grown in an organ, with all about them known, and CTs of them."""
