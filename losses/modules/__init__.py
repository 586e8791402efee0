"""Losses as modules for any training script, each over its pure function; `ramify.losses` names them."""
