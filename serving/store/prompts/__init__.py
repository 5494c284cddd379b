"""How often each identity was asked for proof: counts that cost the same however many challenges came before."""
