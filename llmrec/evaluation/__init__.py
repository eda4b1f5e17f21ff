"""How good recommendations are, judged on what was held out, beside baselines that hurt."""
