"""The mechanism kernel: a legal procedure declared as data, checked when loaded, and a pure core that takes a step."""
