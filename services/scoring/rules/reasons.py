"""Why an entry moves."""

from shared.project import Reason

INCOMPLETE = Reason(
    "推荐材料不完整：缺少推荐意见或内容摘要",
    "the recommendation is incomplete: it has no opinion or no content hash",
)
PLACE_GONE = Reason(
    "承担主体受限期间，名额已由其他项目递补",
    "its place went to another while its undertaker was barred",
)
WAITS_AGAIN = Reason(
    "对承担主体的限制已解除，继续按名次等待名额",
    "the bar was undone: it waits in its turn for a place",
)
PLACE_FREE = Reason("名额空出，依次递补", "a place became free")
SCORE_LOST = Reason(
    "有专家与该申报存在利害关系，其评分不再计入，由其他专家重新评分",
    "an expert's score counts no longer because of a conflict of interest; another scores it",
)
BAR_UNDONE = Reason("对承担主体的限制已解除", "the bar was undone")


def barred_by(project: str) -> Reason:
    """Its undertaker is barred."""
    return Reason(
        f"项目 {project} 被撤销资格，承担主体受限",
        f"the undertaker is barred because project {project} was revoked",
    )


def objected(reason: str) -> Reason:
    """An objection was upheld, with the official's reason as it was given."""
    return Reason(f"异议成立：{reason}", f"an objection was upheld: {reason}")


def scored(score: str | None, experts: int) -> Reason:
    """All its experts have scored it."""
    return Reason(
        f"{experts}名专家均已评分，平均{score}分", f"all {experts} experts have scored it: {score}"
    )


def publicised(rank: int | None, score: str | None) -> Reason:
    """Publicity ended, and nothing stands against it."""
    return Reason(
        f"公示期满，无未决异议；得分{score}，排名第{rank}",
        f"publicity ended with no objection open; score {score}, rank {rank}",
    )
