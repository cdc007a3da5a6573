#!/usr/bin/env python3
"""Breaks a copy of the sources in known ways and checks that the simulator notices.

usage: tests/sim/mutants.py [--seeds N] [WORK_DIR]

Each mutant is one edit of one file. A mutant that survives, or whose text is no longer there, is a
failure: then a check, a fault or this table needs work. Some minutes; not part of ctest.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

# what is broken, file, text, replacement
MUTANTS = [
    ("a log batch is acknowledged without a sync", "storage/wal_engine.c",
     "err = disk->ops->sync(disk, file);", "err = SW_ERR_OK;"),
    ("term and vote are not written", "storage/wal_engine.c",
     "        do_hard(engine, op);\n", "        (void)do_hard;\n"),
    ("the vote is stored as none", "raft/io.c", ".vote = {id}}", ".vote = {0 * id}}"),
    ("messages do not wait for a durable vote", "raft/io.c",
     "if (io->hold_done < io->hold_wanted || io->held_head != NULL) {",
     "if (io->held_head != NULL) {"),
    ("reads without a round of probes", "raft/readindex.c",
     "votes > voters / 2", "votes + voters > voters / 2"),
    ("a retried write runs again", "node/session.c",
     "if (at < session->reply_end && session->replies[at].seq == seq) {",
     "if (at > session->reply_end && session->replies[at].seq == seq) {"),
    ("answers of a session are not kept", "node/apply.c",
     "            sw_session_answer(&state->sessions, session, request->seq, &kept);\n", ""),
    ("sessions are not saved with the state", "node/apply.c",
     "err = sw_sessions_save(&state->sessions, store, state->group);", "err = SW_ERR_OK;"),
    ("compare-and-set does not compare", "node/apply.c",
     "request->op == SW_OP_CAS && old.mod_revision != request->expected",
     "request->op == SW_OP_CAS && old.mod_revision == UINT64_MAX"),
    ("a delete leaves the record", "node/apply.c",
     "SW_ERR_OK : sw__table_del(apply, SW_TABLE_KV, &key);", "SW_ERR_OK : SW_ERR_OK;"),
    ("a transaction loses its last write", "node/apply_txn.c",
     "i < plan->write_count && err == SW_ERR_OK;",
     "i + 1 < plan->write_count && err == SW_ERR_OK;"),
    ("a compare that fails is overlooked", "node/apply_txn.c",
     "*ret_failed = i + 1;", "*ret_failed = 0;"),
    ("a transaction takes no revision", "node/apply_txn.c",
     "state->revision += plan.write_count > 0 ? 1 : 0;", ""),
    ("operations do not see those before them", "node/apply_txn.c",
     "err = read_planned(plan, op->key, &now);", "err = read_stored(plan, op->key, &now);"),
    ("a retry is answered without its records", "node/apply.c",
     "sw_write_bytes(&state->answers, result->records);",
     "result->record_count = 0;\n        result->records.size = 0;"),
    ("a sum is added twice", "transport/merge.c",
     "__builtin_add_overflow(have, given, &given)",
     "__builtin_add_overflow(have + (have % 7 == 6), given, &given)"),
    ("the client retries under a new number", "client/core_send.c",
     "request->internal || request->request.seq != 0 ||", "request->internal ||"),
    ("a replaced entry answers its first proposer", "node/shard.c",
     "if ((flight->term == term || SW_PLANTED(REPLACED_ENTRY_ANSWERS)) && count > 0) {",
     "if (count > 0) {"),
    ("a flush does not sync the store", "node/applier.c", "->ops->sync(", "->ops->commit("),
    ("an install keeps old records", "node/transfer.c",
     "           sw_key_has_prefix(record.key, prefix)) {",
     "           sw_key_has_prefix(record.key, prefix) && prefix.size == 0) {"),
]


def run(command, timeout=600):
    result = subprocess.run(command, shell=True, capture_output=True, timeout=timeout)
    return (result.stdout + result.stderr).decode(errors="replace")


def first_reason(output):
    for line in output.splitlines():
        if re.match(r"seed \d+: ", line) or "assertion failed" in line:
            return re.sub(r"^/\S*/", "", line)[:110]
    return "the process died"


def try_mutant(source, build, seeds, mutant):
    name, path, text, replacement = mutant
    full = os.path.join(source, path)
    with open(full) as file:
        original = file.read()
    if text not in original:
        return False, "the text to replace is not in " + path
    with open(full, "w") as file:
        file.write(original.replace(text, replacement, 1))
    try:
        built = run(f"cmake --build {build} --target swarm-sim")
        if "FAILED" in built:
            return False, "does not compile"
        for mode in ("raft", "node"):
            output = run(f"{build}/bin/swarm-sim --mode {mode} --seeds 1..{seeds} --quiet")
            if f"{mode}: FAILED" in output:
                return True, f"{mode}: {first_reason(output)}"
        return False, f"survives {seeds} seeds of each mode"
    finally:
        with open(full, "w") as file:
            file.write(original)


def main():
    arguments = sys.argv[1:]
    seeds = 800
    if arguments[:1] == ["--seeds"]:
        seeds = int(arguments[1])
        arguments = arguments[2:]
    work = arguments[0] if arguments else tempfile.mkdtemp(prefix="swarm-mutants-")
    source, build = os.path.join(work, "source"), os.path.join(work, "build")
    os.makedirs(source, exist_ok=True)
    run(f"git archive HEAD | tar -x -C {source}")
    print(run(f"cmake -S {source} -B {build} -DCMAKE_BUILD_TYPE=RelWithDebInfo "
              f"-DBUILD_TESTING=OFF && cmake --build {build} --target swarm-sim -j2")[-80:].strip())
    survivors = 0
    for mutant in MUTANTS:
        killed, why = try_mutant(source, build, seeds, mutant)
        survivors += 0 if killed else 1
        print(f"{'killed  ' if killed else 'SURVIVES'} {mutant[0]}: {why}", flush=True)
    print(f"{len(MUTANTS) - survivors} of {len(MUTANTS)} mutants killed")
    if not arguments:
        shutil.rmtree(work)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
