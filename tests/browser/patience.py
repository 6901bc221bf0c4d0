"""Waiting for what takes minutes."""

from tests.browser.chromium import Page
from tests.browser.test_shelf import row


async def until(page: Page, expression: str, *, within_s: float = 900) -> None:
    """Wait until an expression is true."""
    await page.wait_for(expression, within_s=within_s)


async def until_safe(page: Page, count: int) -> None:
    """Wait until the page says that so many items are safe."""
    await until(page, f"document.querySelector('[role=status]')?.dataset.done === '{count}'")


async def until_saved(page: Page, name: str) -> None:
    """Wait until a thing of the shelf is saved."""
    await until(page, f"{row(name)}?.dataset.state === 'saved'")
