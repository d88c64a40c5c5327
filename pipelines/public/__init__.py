"""What `import trueserve` offers to notebooks and to pipelines; `trueserve/__init__.py` lists it."""
