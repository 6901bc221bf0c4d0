"""Benches: `python -m tests bench NAME`. They measure and say what was demanded; they judge no build."""
