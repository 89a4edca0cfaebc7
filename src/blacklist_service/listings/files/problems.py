"""What makes a whole file unreadable: such a file loads nothing."""

from blacklist_service.problems import Problem


class UnreadableFile(Problem):
    """The file cannot be read as a list."""

    status = 422
    code = "unreadable-file"
