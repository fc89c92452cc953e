//go:build browser

package e2e

// layoutFaults finds in a page what a reader would call broken: what is wider than the window and cannot be scrolled,
// labels of a picture that lie on each other or are cut at its edge, text that its box cuts off, and words that are
// broken within, though a line would hold them.
const layoutFaults = `(() => {
	const found = [], width = document.documentElement.clientWidth;
	const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true });
	const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className && e.className.baseVal === undefined ? "." + e.className : "") +
		" in " + (e.closest("section, header, footer") || {}).id;
	const text = (e) => JSON.stringify(e.textContent.trim().slice(0, 40));
	const scrolls = (e) => e.parentElement && (["auto", "scroll"].includes(getComputedStyle(e.parentElement).overflowX) || scrolls(e.parentElement));
	for (const e of document.body.querySelectorAll("*")) {
		if (!seen(e) || e.closest("[hidden], .sr-only, .visually-hidden")) continue;
		const r = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (r.width < 2 || r.height < 2) continue;
		if (e.ownerSVGElement || e.classList.contains("skip")) continue;
		if ((r.right > width + 1 || r.left < -1) && !scrolls(e)) found.push("wider than the window: " + name(e) + " " + text(e));
		if (e.tagName === "svg") continue;
		if (["hidden", "clip"].includes(style.overflowX) && e.scrollWidth > e.clientWidth + 1 && !e.title) found.push("cut off: " + name(e) + " " + text(e));
		if (["TEXTAREA", "SCRIPT", "STYLE", "LABEL"].includes(e.tagName)) continue; // labels of fields are names of columns, of any length
		for (const node of e.childNodes) {
			if (node.nodeType !== Node.TEXT_NODE) continue;
			for (const word of node.data.matchAll(/[^\s]+/g)) {
				for (const part of word[0].matchAll(/(^-*)?[^-–—\/]+[-–—\/]?/g)) {
					const range = document.createRange();
					range.setStart(node, word.index + part.index);
					range.setEnd(node, word.index + part.index + part[0].length);
					const lines = [...range.getClientRects()].filter((r) => r.width > 0);
					const whole = lines.reduce((sum, r) => sum + r.width, 0);
					if (lines.length > 1 && lines[lines.length - 1].top > lines[0].top + 2 && whole < Math.min(320, width - 80)) {
						found.push("broken within: " + JSON.stringify(word[0]) + " in " + name(e));
					}
				}
			}
		}
	}
	for (const caption of document.querySelectorAll(".scroll caption")) {
		const box = caption.closest(".scroll");
		if (seen(caption) && caption.getBoundingClientRect().width > box.clientWidth + 1) found.push("a caption wider than what scrolls: " + text(caption));
	}
	for (const svg of document.querySelectorAll("svg")) {
		if (!seen(svg)) continue;
		const box = svg.getBoundingClientRect();
		const labels = [...svg.querySelectorAll("text")].filter((e) => seen(e) && e.textContent.trim()).map((e) => [e, e.getBoundingClientRect()]);
		labels.forEach(([e, r], i) => {
			if (getComputedStyle(svg).overflowX !== "visible" && (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 2 || r.bottom > box.bottom + 2)) {
				found.push("a label cut: " + text(e) + " " + name(svg));
			}
			for (const [o, s] of labels.slice(i + 1)) {
				const x = Math.min(r.right, s.right) - Math.max(r.left, s.left), y = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
				if (x > 2 && y > 4) found.push("labels on each other: " + text(e) + " and " + text(o) + " " + name(svg));
			}
		});
	}
	return found;
})()`

// layout lists them.
func layout(b *browser) []string {
	b.t.Helper()
	return eval[[]string](b, layoutFaults)
}
