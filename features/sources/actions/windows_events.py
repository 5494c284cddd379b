"""The category of an event that Windows names by a number only, as in `4720` or `EventID 1102`.

By Microsoft's "Appendix L: Events to Monitor" and the pages of the security auditing events.
"""

from __future__ import annotations

import re

from features.event.schema import Category

_EVENTS: dict[Category, str] = {
    "authenticate": "4624 4625 4634 4647 4740 4768 4769 4770 4771 4772 4776 4778 4779 4800 4801",
    "assume_privilege": "4648 4672 4673 4674 4964",
    "rotate_secret": "4723 4724 4794 4886 4887 4890",
    "manage_access": """4670 4704 4705 4706 4707 4717 4718 4720 4722 4725 4726 4727 4728 4729 4730 4731 4732
        4733 4734 4735 4737 4738 4741 4742 4743 4744 4745 4746 4747 4748 4749 4750 4751 4752
        4753 4754 4755 4756 4757 4758 4759 4760 4761 4762 4764 4765 4766 4767 4780 4781 4865
        4866 4867 4882 4897 5136 5137 5138 5139 5141""",
    "change_security_setting": """104 517 1100 1102 1104 4608 4612 4614 4616 4621 4713 4715 4716 4719 4739 4817
        4885 4892 4902 4904 4905 4906 4907 4908 4912 4946 4947 4948 4949 4950 4954
        5001 5007 5010 5012 5024 5025 5027 5028 5029 5030 5034 5035 5037""",
    "execute_code": "4103 4104 4688 4696 4697 4698 4699 4700 4701 4702 7045",
    "export": "4662 4692 4693 4695 4875 4876 5376 5377",
    "read": "4656 4658 4661 4663 4690 4798 4799 5140 5145",
    "write": "4657 4660 5142 5143 5144",
}
_CATEGORY_OF: dict[str, Category] = {
    number: category for category, numbers in _EVENTS.items() for number in numbers.split()
}
_BARE = re.compile(r"\d{3,5}")
_NAMED = re.compile(
    r"(?:event[ _-]?(?:id|code|log)?|security|auditing|windows|sysmon|system)[^0-9a-z/]*(\d{1,5})\b.*", re.I
)
_BEFORE = re.compile(r"(\d{4})[ :.,-]+\D.*")


def numbered_category(name: str) -> Category | None:
    """The category of a name that gives the number of a Windows event; None if it gives none, or none that is known.

    >>> numbered_category("4720"), numbered_category("EventID 1102"), numbered_category("GET /items/4720")
    ('manage_access', 'change_security_setting', None)
    """
    name = name.strip()
    bare = name if _BARE.fullmatch(name) else None
    stated = _BEFORE.fullmatch(name) or _NAMED.search(name)
    return _CATEGORY_OF.get(bare or (stated[1] if stated else ""))
