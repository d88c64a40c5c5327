"""What tests share: data sets, logs in every format, models, and commands run on them."""
