"""Past windows judged again, and the limits that keep to a budget of false alarms; no Beam."""
