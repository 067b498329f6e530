// What all parts of the page use. Text reaches the document as text nodes and attributes only.

const byId = (id) => document.getElementById(id);

// An element: el('p', {class: 'quiet'}, 'text', child). Properties that are functions listen.
function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function svg(tag, properties, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function bytesText(bytes) {
  for (const [unit, size] of [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]]) {
    if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  }
  return `${bytes} bytes`;
}

function secondsText(seconds) {
  for (const [unit, size] of [['s', 1], ['ms', 1e-3], ['us', 1e-6]]) {
    if (seconds >= size) return `${Number((seconds / size).toPrecision(3))} ${unit}`;
  }
  return `${Math.round(seconds * 1e9)} ns`;
}

const plural = (n, what) => `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;

// A colour that numbers next to each other do not share: steps of the golden angle.
const hueOf = (number) => (number * 137.508 + 212) % 360;
const colorOf = (number) => `hsl(${hueOf(number)} 55% var(--shade))`;

function hashOf(text) {
  let hash = 7;
  for (let i = 0; i < text.length; ++i) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
  return hash;
}

// The tooltip beside the pointer, or beside an element that has the focus.
function showTip(text, x, y) {
  const tip = byId('tip');
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 4))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? y - box.height - 8 : y + 14}px`;
}
const hideTip = () => { byId('tip').hidden = true; };

// Arrow keys move between the buttons of a list; `choose` gets the one moved to.
function arrowKeys(container, selector, choose) {
  container.addEventListener('keydown', (event) => {
    const step = {ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const items = [...container.querySelectorAll(selector)];
    const next = items[items.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    choose(next);
  });
}
