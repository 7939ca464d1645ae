"""The launcher ``slurm``: one script for arrays of batch jobs, a wave after the other, whose tasks requeue themselves."""

from __future__ import annotations

import re
import shlex
import sys

from harness.core.errors import UsageError
from harness.studies.submission import BatchScript, Submission

WARNED = 300
"""Seconds before the end of its time at which a task is told to save."""


def array_script(submission: Submission) -> BatchScript:
    """The script, and an ``sbatch`` command for each wave, which waits for the wave before.

    Waves are arrays of their own, with a dependency, so that no task holds a GPU while it waits for another's stage.
    ``options`` are those of ``sbatch`` by their long names; what is given replaces a default.
    """
    options = {
        "job-name": submission.study,
        "output": str(submission.logs / "slurm-%A_%a.log"),
        "open-mode": "append",
        "requeue": "",
        "signal": f"USR1@{WARNED}",
        **submission.options,
    }
    for name, value in options.items():
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or re.search(r"[\r\n]", value):
            raise UsageError(
                f"launcher 'slurm': option {name}={value!r}: the long name of an option of sbatch expected",
                hint="--launcher-option time=4:00:00 --launcher-option gpus=1",
            )
    directives = "\n".join(f"#SBATCH --{name}{f'={_word(value)}' if value else ''}" for name, value in options.items())
    submit = _commands(submission)
    text = _SCRIPT.format(
        study=submission.study,
        submitted="\n".join(f"#   {line}" for line in submit).replace("{file}", "THIS_FILE"),
        directives=directives,
        waves="|".join(submission.waves),
        cases="\n".join(f"{wave}) parts={parts} ;;" for wave, parts in submission.waves.items()),
        folder=shlex.quote(str(submission.folder)),
        command=shlex.join((sys.executable, "-m", "harness.cli", *submission.arguments)),
    )
    return BatchScript("slurm.sh", text, submit)


_SCRIPT = """\
#!/bin/bash
# The study {study}: each task of an array does one part of a wave. Submitted by
{submitted}
{directives}

wave=${{1:?{waves}}}
case $wave in
{cases}
*) echo "no such wave: $wave" >&2; exit 2 ;;
esac
cd {folder} || exit 4

# Both are sent to the step as well, which saves; this shell waits for its end.
trap : TERM USR1
srun --ntasks=1 --cpus-per-task="${{SLURM_CPUS_PER_TASK:-1}}" \\
  {command} \\
  --wave "$wave" --shard "$SLURM_ARRAY_TASK_ID/$parts"
code=$?
# 75: stopped in the middle, and everything is saved. The next turn goes on from there.
if [ "$code" -eq 75 ]; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
fi
exit "$code"
"""


def _commands(submission: Submission) -> tuple[str, ...]:
    at_a_time = f"%{submission.at_a_time}" if submission.at_a_time else ""
    lines: list[str] = []
    before = ""
    for wave, parts in submission.waves.items():
        after = f" --dependency=afterany:${before}" if before else ""
        call = f"--array=1-{parts}{at_a_time}{after} {{file}} {wave}"
        last = len(lines) == len(submission.waves) - 1
        lines.append(f"sbatch {call}" if last else f"{wave}=$(sbatch --parsable {call})")
        before = wave
    return tuple(lines)


def _word(value: str) -> str:
    """A value as a line of ``#SBATCH`` takes it."""
    return value if re.fullmatch(r"[\w@%+=:,./\[\]-]*", value) else '"' + value.replace('"', '\\"') + '"'
