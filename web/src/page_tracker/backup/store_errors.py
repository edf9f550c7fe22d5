"""Explains what an object store said, or why it could not be reached."""

import re

SIGNS = re.compile(r"https?://\S+")


def explain(error: Exception, seconds: float) -> str:
    """Return on one line what the store said, or why it could not be reached.

    `seconds` is how long it had.

    An error of obstore is a page: the request, the document of the store, and its own
    notes, of which one names the cause. Other parts could name a key.
    """
    text = str(error)
    if code := re.search("<Code>(.*?)</Code>", text):
        said = re.search("<Message>(.*?)</Message>", text, re.DOTALL)
        return " ".join(f"{code[1]}: {said[1]}".split()) if said else code[1]
    first = text.partition("\n\nDebug source:")[0]
    if status := re.search(r"status code: (\d+ [A-Za-z ]+)", first):
        return f"it answered {status[1].strip()}"
    causes = re.findall(r'message: "(.*?)"', text)
    if "dns error" in text:
        causes.append("its host name is unknown")
    if "kind: Timeout" in text or "TimedOut" in text:
        causes.append(f"nothing came for {seconds:.0f} s")
    if "IncompleteMessage" in text or "ConnectionReset" in text:
        causes.append("the connection was cut")
    cause = causes[-1] if causes else SIGNS.sub("the store", " ".join(first.split()))
    if "169.254" in text:
        cause = (
            "no keys are set: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "PAGE_TRACKER_BACKUP_CREDENTIALS_FILE"
        )
    return cause
