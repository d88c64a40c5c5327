"""A Parquet file that brings down Arrow's reader of the older stack."""

from __future__ import annotations

import base64
import zlib

# A file of a few rows with some bits changed: pyarrow 10 dies of it by a segmentation fault.
CRASHING = zlib.decompress(
    base64.b64decode(
        "eNq1VM1u00AQXjtmiaqoB8Raa8mHqEqsXloSoUCKLIXNX1vRiiQSihLlkrium2LXwQkJR27Am/AAiPTIO3BH3JCQQAIkxAkxu7YT"
        "KL3k0NV6djwz38w3s5YbrJUnmJyS0x5ZJzI8CF6VGzpNfntXf144/1SiyWfz6+8zr96UVHnzEitCKHGcKJViz8Uzjrt4Gj8lnaxp"
        "WYS1Ip7a1sQPFHc4nijDie0RpK6rXyXYRtJcgYumQwOIyEAK+siQTA+akkFFRCGIt1V8Mbj7/f4XAKH57+F5ey5S/W/lbeHYHBuN"
        "D0rMmSrH/cAGnlh9LcE23ibMFbL/S3SDbPQEyQXRO2hT8qjkgR9LEkhvKYzPWCepkMU1zz+yXUFjoA6Ml9hcIP8uIWtuAVE8tk5s"
        "r08wKsg0mjmfzoEJMQWFivkDgKxlZSruIVJ5q4ikQA3rZdGBDhAVa7pmXvVFXsnQV5+h+iuhYiMJx00EdppirdbD9r1wpPSjfIuv"
        "GSszxposXA8YA4PD6ow5rOIIWxkCDrlSYWxfGJYnC11lJ9bCVOUiTy2wLWHsLOPFqnMxaO887rZnPLPP40cNwQdSHAo+u4t84RL4"
        "3e6J5T0S7+40ineqzbhetSzinWW9Ghc+i1nudd3O7dbUcoS/FuVvMsBVREmLVSNwLS4c8dm7lI+b67ZzosUQ34m8+wzR9KgfPHlq"
        "T7as0WirHwT+LD21g/HQP0vnc9u57bxmwlcZbvQD7qwBf7c/KAxIBg=="
    )
)
