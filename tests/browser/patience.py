"""Waiting for what takes minutes: a single question to a browser is answered within one, or counts as lost."""

import asyncio

from tests.browser.chromium import Page
from tests.browser.test_shelf import row


async def until(page: Page, expression: str, *, within_s: float = 900) -> None:
    """Wait until an expression is true, asked anew each time."""
    async with asyncio.timeout(within_s):
        while not await page.evaluate(f"Boolean({expression})"):
            await asyncio.sleep(0.1)


async def until_safe(page: Page, count: int) -> None:
    """Wait until the page says that so many items are safe."""
    await until(page, f"document.querySelector('[role=status]')?.dataset.done === '{count}'")


async def until_saved(page: Page, name: str) -> None:
    """Wait until a thing of the shelf is saved."""
    await until(page, f"{row(name)}?.dataset.state === 'saved'")
