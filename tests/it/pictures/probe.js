// Looks at the page that it is evaluated in, and gives what only a browser knows. Nothing of it is part of any page.
(() => {
  const closed = document.querySelectorAll("details:not([open])");
  closed.forEach((details) => (details.open = true));
  const shown = (element) => {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return style.visibility !== "hidden" && style.display !== "none" && box.width > 0 && box.height > 0;
  };
  const told = (element) => (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 60);
  const name = (element) => element.tagName.toLowerCase() + "." + (element.getAttribute("class") || "");

  // WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 for large text.
  const channels = (color) => {
    const found = color.match(/rgba?\(([^)]+)\)/);
    if (!found) return null;
    const parts = found[1].split(/[\s,/]+/).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
  };
  const over = (top, below) => top.rgb.map((value, place) => value * top.alpha + below[place] * (1 - top.alpha));
  const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color && color.alpha > 0) layers.push(color);
      if (color && color.alpha === 1) break;
    }
    return layers.reduceRight((below, layer) => over(layer, below), canvas);
  };
  const opacity = (element) => (element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || ["STYLE", "SCRIPT"].includes(element.tagName) || !shown(element)) continue;
    texts += 1;
    const style = getComputedStyle(element);
    const below = ground(element);
    const color = channels(style.color);
    const ink = light(over({ rgb: color.rgb, alpha: color.alpha * opacity(element) }, below));
    const paper = light(below);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)} ${name(element)}: ${told(element)}`);
  }

  const active = "script,iframe,frame,object,embed,form,input,button,img,video,audio,link,base,area," +
    "[onerror],[onload],[onclick],[onfocus],[onmouseover],[srcdoc],[formaction],[autofocus]";
  // A frame in which nothing may run, and that has nothing beside.
  const quiet = (element) =>
    element.matches('iframe[sandbox=""]') && [...element.attributes].every((each) => ["sandbox", "srcdoc", "title"].includes(each.name));
  const found = [...document.querySelectorAll(active)];
  const width = document.documentElement.clientWidth;
  const clipped = (element) => {
    for (let at = element.parentElement; at; at = at.parentElement) {
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(at).overflowX)) return true;
    }
    return false;
  };
  const spills = (element) =>
    element.getBoundingClientRect().right > width + 1 ||
    (element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX === "visible");
  const wide = [...document.querySelectorAll("body *")]
    .filter((element) => shown(element) && !clipped(element) && spills(element));
  const place = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: x + scrollX, y: y + scrollY, width, height };
  };
  const mark = (element) => getComputedStyle(element, "::before");
  const marked = (element) => mark(element).display !== "none" && !["none", '""'].includes(mark(element).content);
  const lead = document.querySelector(".verdict p");
  return {
    title: document.title,
    opened: closed.length,
    ran: Boolean(window.ran),
    width,
    scroll_width: document.documentElement.scrollWidth,
    wide: wide.slice(0, 5).map((element) => `${name(element)}: ${told(element)}`),
    texts,
    faint: [...new Set(faint)].slice(0, 12),
    active: found.filter((element) => !quiet(element)).map(name),
    frames: found.filter(quiet).map(place),
    unmarked: [...document.querySelectorAll("summary")].filter((each) => !marked(each)).map(told),
    parts: Object.fromEntries([...document.querySelectorAll("h2")].map((each) => [told(each), place(each).y])),
    styled: [...new Set([...document.querySelectorAll("[style]")].map((element) => element.getAttribute("style")))],
    styles: document.querySelectorAll("style").length,
    schemes: [...new Set([...document.querySelectorAll("[href]")].map((a) => new URL(a.getAttribute("href"), location).protocol))],
    verdict: lead && shown(lead) ? { text: told(lead), top: lead.getBoundingClientRect().top + scrollY } : null,
    text: document.body.innerText,
  };
})()
