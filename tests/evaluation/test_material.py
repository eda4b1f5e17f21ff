"""What may be counted: no held-out review, and under a cut in time nothing later by anybody."""

from datetime import UTC, datetime
from pathlib import Path

from leakage_samples import Case, json_lines, rows_of

from llmrec.evaluation.material import visible_reviews
from llmrec.evaluation.splitting import SplitRule, Splitting, split_json
from llmrec.records.grouping import UserReviews, read_users
from llmrec.records.splits import read_split


def seen(users: list[UserReviews], case: Case) -> dict[str, list[str | None]]:
    return {
        user.user_id: [review.item_id for review in user.reviews]
        for user in visible_reviews(users, case.split)
    }


def case_with_eve(folder: Path, *days: str | None) -> Case:
    """Ann and Eve, whose four reviews are of these days; the split is of Ann alone."""
    eve = [
        {**row, "timestamp": day}
        for row, day in zip(rows_of("eve"), days, strict=True)
    ]  # fmt: skip
    case = Case(folder, [*rows_of("ann"), *eve])
    case.write_split(
        [{"user_id": "ann", "target_item": "boat", "target_line": 3, "history_lines": [0, 1, 2]}]
    )
    return case


def test_a_common_cut_in_time_cuts_everybody(tmp_path: Path) -> None:
    case = case_with_eve(tmp_path, "2024-01-03", "2024-01-04", "2025-01-01", None)
    assert seen(case.users(), case) == {"ann": ["kettle", "lamp", "tent"], "eve": ["kettle"]}


def test_the_others_count_whole_where_everybody_has_a_cut_of_their_own(tmp_path: Path) -> None:
    rows = [*rows_of("ann"), *rows_of("eve"), *rows_of("zoe")]
    for row in rows[8:]:
        row["timestamp"] = f"2025{str(row['timestamp'])[4:]}"
    case = Case(tmp_path, rows)
    lines = [
        {"user_id": user, "target_item": "boat", "target_line": n + 3,
         "history_lines": [n, n + 1, n + 2]}
        for user, n in (("ann", 0), ("zoe", 8))
    ]  # fmt: skip
    case.write_split(lines)
    found = seen(case.users(), case)
    assert found["eve"] == ["kettle", "lamp", "tent", "boat"]
    assert found["ann"] == found["zoe"] == ["kettle", "lamp", "tent"]


def test_under_a_split_by_time_nothing_counts_from_the_moment_on(tmp_path: Path) -> None:
    rows = [*rows_of("ann"), *rows_of("bob"), *rows_of("eve")]
    for row in rows[8:10]:
        row["timestamp"] = "2024-01-09"
    reviews = tmp_path / "reviews.jsonl"
    reviews.write_text(json_lines(rows), "utf-8")
    cut = datetime(2024, 1, 3, tzinfo=UTC)
    splitting = Splitting(SplitRule("time", at=cut, min_reviews=2, min_chars=1))
    path = tmp_path / "split.jsonl"
    lines = splitting.lines(read_users(reviews))
    path.write_text("".join(f"{split_json(line)}\n" for line in lines), "utf-8")
    visible = visible_reviews(read_users(reviews), read_split(path))
    found = [(u.user_id, [r.when for r in u.reviews]) for u in visible]
    assert [user for user, _ in found] == ["ann", "bob", "eve"]
    assert all(when is not None and when < cut for _, own in found for when in own)


def test_without_anything_held_out_there_is_no_cut(tmp_path: Path) -> None:
    case = case_with_eve(tmp_path, *["2026-01-01"] * 4)
    case.write_split([{"user_id": "ann", "history_lines": [0, 1, 2, 3]}])
    assert seen(case.users(), case)["eve"] == ["kettle", "lamp", "tent", "boat"]
