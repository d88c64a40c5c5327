"""The flags of every command that runs a Beam job. Imports nothing heavy."""

from __future__ import annotations

from trueserve.pipelines.flags.flag import flag

TITLE = "Apache Beam"
NOTE = """Any other flag goes to Apache Beam, such as --runner=DataflowRunner
--project=... --temp_location=gs://... Without --runner the job runs on this
machine, in this process; --direct_running_mode=multi_processing
--direct_num_workers=0 uses one process per core."""

SHARED_FILESYSTEM = flag(
    "--shared_filesystem",
    action="store_true",
    help="the workers of a remote --runner see the same absolute paths as this machine, as on NFS",
)

PROFILE = flag(
    "--profile",
    action="store_true",
    help="tell at the end how many bytes went from step to step; makes the job slower",
)

DRY_RUN = flag(
    "--dry_run",
    action="store_true",
    help="check everything, print what would be read and about what it would take, and run nothing",
)

GROUP = {TITLE: (SHARED_FILESYSTEM, DRY_RUN)}
#: Of commands whose job reads logs.
GROUP_OF_LOGS = {TITLE: (SHARED_FILESYSTEM, DRY_RUN, PROFILE)}
