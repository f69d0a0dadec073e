"""The suite on one machine: its servers, its processes, its sandbox issuer."""
