"""What keeps somebody from using a page: by axe, and by looking for what lies beyond the screen's edge."""

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
BEYOND = """(allowed) => {
    const width = document.documentElement.clientWidth;
    const beyond = document.scrollingElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
    const scrolls = (element) => {
        for (let box = element; box && box !== document.body; box = box.parentElement) {
            if (["auto", "scroll"].includes(getComputedStyle(box).overflowX) && (box.matches(allowed) || box.querySelector(allowed))) return true;
        }
        return false;
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || element.closest(".sr, .skip, script, style")) continue;
        const box = element.getBoundingClientRect();
        if (!box.width || !box.height || (box.left >= -1 && box.right <= width + 1) || scrolls(element)) continue;
        beyond.push(`${element.tagName}.${element.className} ${walker.currentNode.data.trim().slice(0, 40)} (${Math.round(box.left)} to ${Math.round(box.right)} of ${width})`);
    }
    return beyond;
}"""


async def axe_findings(page: Page, *, only: list[str] | None = None) -> list[str]:
    """What axe finds against WCAG 2.2 AA, a line for each element."""
    run = {"type": "rule", "values": only} if only else {"type": "tag", "values": TAGS}
    options: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": run}
    # What was announced stays there for seven seconds, also of a button that is gone since.
    result = await Axe().run(page, context={"exclude": ["[data-live-announcer]"]}, options=options)
    return [
        f"{rule['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
        for rule in result.response["violations"]
        for node in rule["nodes"]
    ]
