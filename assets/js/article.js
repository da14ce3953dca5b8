// The article. The value is JSON text of {title, sections, proposal}, or null; see `article.py`. `labels` holds each label
// in both languages, as HTML. What people and models wrote is set as text; `html` of a section was made safe.
const nav = element.querySelector('.sections');
const page = element.querySelector('.text');
let shown = '';
let open = { id: null, editing: false, panel: false };
const nodes = new Map();

const say = (key, fields = {}) => {
  const span = document.createElement('span');
  span.innerHTML = labels[key];
  for (const [name, value] of Object.entries(fields)) {
    span.querySelectorAll('span').forEach((part) => { part.textContent = part.textContent.replace(`{${name}}`, value); });
  }
  return span;
};
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  node.append(...children);
  return node;
};
const tool = (key, action, name = 'tool') => {
  const button = make('button', { type: 'button', class: name }, say(key));
  button.addEventListener('click', action);
  return button;
};
const current = () => (props.value ? JSON.parse(props.value) : null);
const section = (id) => current()?.sections.find((one) => one.id === id);
const keep = (change) => {
  const value = current();
  if (!value) return;
  change(value);
  shown = JSON.stringify(value);
  props.value = shown;
  window.studioDesk?.seen('article', shown);
};
const put = (id, text) => keep((value) => {
  const one = value.sections.find((part) => part.id === id);
  if (one) { one.text = text; one.state = one.state === 'empty' ? 'done' : one.state; }
});
const busy = () => document.getElementById('write-article-stop') !== null;
const order = (what) => { if (!busy()) trigger('submit', what); };
const fit = (area) => { area.style.height = 'auto'; area.style.height = `${area.scrollHeight + 2}px`; };

const close = () => {
  const { id, editing } = open;
  open = { id: null, editing: false, panel: false };
  if (editing) trigger('input');
  if (id) draw();
};
const edit = (id, at = null) => {
  if (busy()) return;
  if (open.id && open.id !== id) close();
  open = { id, editing: true, panel: open.id === id && open.panel };
  draw();
  const area = nodes.get(id)?.querySelector('textarea');
  if (!area) return;
  fit(area);
  area.focus({ preventScroll: true });
  area.setSelectionRange(at ?? area.value.length, at ?? area.value.length);
};

// What a change is asked for: what is selected in the editor, or the whole section.
const chosen = (id) => {
  const { text } = section(id);
  const area = nodes.get(id)?.querySelector('textarea');
  const [from, to] = area && area.selectionEnd > area.selectionStart ? [area.selectionStart, area.selectionEnd] : [0, text.length];
  return { before: text.slice(0, from), passage: text.slice(from, to), after: text.slice(to), part: to - from < text.length };
};
const rewrite = (id, change, instruction = '') => {
  const { before, passage, after } = chosen(id);
  if (passage.trim()) order({ do: 'rewrite', id, change, instruction, before, passage, after });
};
const panel = (id) => {
  const box = make('div', { class: 'changes' });
  const what = make('p', { class: 'note' }, say(chosen(id).part ? 'selected' : 'whole'));
  const row = make('div', { class: 'row' });
  Object.keys(labels).filter((key) => key.startsWith('change.') && key !== 'change.tone').forEach((key) => {
    row.append(tool(key, () => rewrite(id, key.slice(7)), 'tool chip'));
  });
  const words = make('input', { type: 'text', maxlength: 2000 });
  const ask = () => rewrite(id, words.value.trim() ? 'instruction' : 'improve', words.value);
  words.addEventListener('keydown', (event) => { if (event.key === 'Enter' && !event.isComposing) { event.preventDefault(); ask(); } });
  box.append(what, row, make('div', { class: 'row' }, make('label', { class: 'wide' }, say('instruction'), words), tool('apply', ask, 'tool strong')));
  box.renew = () => what.replaceChildren(say(chosen(id).part ? 'selected' : 'whole'));
  return box;
};

const proposal = (told) => {
  const box = make('div', { class: 'proposal', 'aria-live': 'polite' }, make('p', { class: 'note' }, say('proposal')));
  const text = make('div', { class: 'difference', dir: 'auto' });
  if (told.done) told.difference.forEach(([sign, words]) => text.append(make(sign === '-' ? 'del' : sign === '+' ? 'ins' : 'span', {}, words)));
  else text.append(told.text);
  box.append(text);
  if (!told.done) return box;
  const leave = () => { keep((value) => { value.proposal = null; }); draw(); };
  const accept = () => {
    const one = section(told.id);
    if (!one || one.text !== told.before + told.old + told.after) { box.append(make('p', { class: 'note', role: 'alert' }, say('moved'))); return; }
    put(told.id, told.before + told.text + told.after);
    keep((value) => { value.proposal = null; });
    open = { id: null, editing: false, panel: false };
    trigger('input');
    draw();
  };
  box.append(make('div', { class: 'row' }, tool('accept', accept, 'tool strong accept'), tool('discard', leave, 'tool discard')));
  return box;
};

const fill = (node, one, told) => {
  const editing = open.editing && open.id === one.id;
  const paneled = open.panel && open.id === one.id;
  const key = JSON.stringify([one.heading, one.html, one.state, one.missing, editing, paneled, told]);
  // While somebody writes in it, a section is left as it is.
  if (node.key === key || (editing && node.editing && node.told === JSON.stringify([paneled, told]))) return;
  Object.assign(node, { key, editing, told: JSON.stringify([paneled, told]) });
  const before = node.querySelector('textarea');
  const caret = before ? [before.selectionStart, before.selectionEnd] : null;
  const acts = make('div', { class: 'acts rests' });
  acts.append(editing ? tool('done', close, 'tool strong') : tool('edit', () => edit(one.id)));
  acts.append(tool('rewrite', () => { open = { id: one.id, editing, panel: !paneled }; draw(); }));
  if (one.state === 'unfinished') acts.append(tool('go_on', () => order({ do: 'go_on', id: one.id }), 'tool strong'));
  if (document.getElementById('write-illustrate')) acts.append(tool('picture', () => order({ do: 'picture', id: one.id })));
  acts.append(tool('again', () => order({ do: 'again', id: one.id })));
  node.replaceChildren(make('div', { class: 'head' }, make('h2', { dir: 'auto' }, one.heading), acts));
  const box = paneled ? panel(one.id) : null;
  if (box) node.append(box);
  if (told) node.append(proposal(told));
  if (editing) {
    const area = make('textarea', { rows: 3, dir: 'auto', spellcheck: 'true' });
    area.value = one.text;
    area.addEventListener('input', () => { fit(area); put(one.id, area.value); });
    area.addEventListener('select', () => box?.renew());
    area.addEventListener('keyup', () => box?.renew());
    area.addEventListener('mouseup', () => box?.renew());
    area.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); close(); } });
    node.append(area);
    requestAnimationFrame(() => { fit(area); if (caret) area.setSelectionRange(...caret); });
  } else {
    const prose = make('div', { class: 'prose', dir: 'auto' });
    prose.innerHTML = one.html;
    // One that was deleted from the library, or never was there: its place says what it was.
    prose.querySelectorAll('img').forEach((img) => img.addEventListener('error', () => img.replaceWith(make('em', {}, `[${img.alt}]`))));
    prose.addEventListener('dblclick', () => edit(one.id));
    node.append(prose);
  }
  if (one.missing?.length) {
    const lines = one.missing.map((fact) => make('li', { dir: 'auto' }, fact));
    const ask = tool('apply', () => order({ do: 'again', id: one.id }), 'tool');
    ask.replaceChildren(say('again'));
    node.append(make('div', { class: 'missing' }, make('p', { class: 'note' }, say('missing')), make('ul', {}, ...lines), ask));
  }
};

// Figures beside the text; what stands somewhere leads there.
const find = (words) => {
  const wanted = words.toLowerCase();
  const texts = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const at = node.parentElement.closest('.prose, h2') ? node.nodeValue.toLowerCase().indexOf(wanted) : -1;
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + words.length);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    node.parentElement.scrollIntoView({ block: 'center', behavior: 'smooth' });
    return;
  }
};
const measures = (told, wasOpen) => {
  const box = make('details', { class: 'measures' }, make('summary', {}, say('measures')));
  box.open = Boolean(wasOpen);
  const list = make('dl', {});
  const row = (key, what, bad = false) => list.append(make('dt', {}, say(key)), make('dd', bad ? { class: 'bad' } : {}, ...[what].flat()));
  const words = (pairs) => pairs.map(([word, count]) => {
    const button = make('button', { type: 'button', class: count ? 'place' : 'place none', dir: 'auto' }, `${word} ${count}`);
    button.disabled = !count;
    button.addEventListener('click', () => find(word));
    return button;
  });
  row('length', `${told.words} / ${told.target}`);
  row('minutes', told.minutes < 1 ? '< 1' : String(Math.round(told.minutes)));
  row(`sentence.${told.language}`, told.sentence.toFixed(0));
  if (told.ease !== null) row('ease', told.ease.toFixed(0));
  if (told.keywords.length) row('keywords', words(told.keywords));
  if (told.avoided.length) row('avoided', words(told.avoided), true);
  if (told.phrases.length) row('phrases', words(told.phrases));
  for (const name of ['title', 'summary']) {
    const [length, seen, most] = told[name];
    if (length) row(name, `${length} / ${seen} / ${most}`, length > seen);
  }
  if (told.skipped.length) row('skipped', told.skipped.map((place) => `${place + 1}`).join(', '), true);
  box.append(list);
  return box;
};

const jump = (id) => nodes.get(id)?.scrollIntoView({ block: 'start', behavior: 'smooth' });
const draw = () => {
  const value = current();
  shown = props.value;
  if (!value) { nav.replaceChildren(); page.replaceChildren(); nodes.clear(); open = { id: null, editing: false, panel: false }; return; }
  const begun = value.sections.filter((one) => one.text !== undefined);
  const ids = new Set(begun.map((one) => one.id));
  [...nodes.keys()].filter((id) => !ids.has(id)).forEach((id) => { nodes.get(id).remove(); nodes.delete(id); });
  let title = page.querySelector('h1');
  if (!title) { title = make('h1', { dir: 'auto' }); page.prepend(title); }
  if (title.textContent !== value.title) title.textContent = value.title;
  begun.forEach((one, place) => {
    let node = nodes.get(one.id);
    if (!node) { node = make('section', { 'data-id': one.id }); nodes.set(one.id, node); }
    if (page.children[place + 1] !== node) page.insertBefore(node, page.children[place + 1] || null);
    const told = value.proposal?.id === one.id ? value.proposal : null;
    const first = told && !node.querySelector('.proposal');
    fill(node, one, told);
    if (first) node.querySelector('.proposal').scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  });
  const rows = value.sections.map((one, place) => {
    const row = make('button', { type: 'button', class: 'jump', 'data-state': one.state }, make('i', { 'aria-hidden': 'true' }),
      make('span', { class: 'name', dir: 'auto' }, `${place + 1}. ${one.heading}`), make('small', {}, `${one.words ?? 0} / ${one.target ?? '—'}`));
    row.disabled = one.text === undefined;
    row.addEventListener('click', () => jump(one.id));
    return make('li', {}, row);
  });
  const old = nav.querySelector('details');
  const figures = value.measures ? measures(value.measures, old?.open) : old;
  nav.replaceChildren(make('ol', {}, ...rows), ...(figures ? [figures] : []));
};

const markdown = (value) => {
  const told = value ? JSON.parse(value) : null;
  if (!told) return '';
  const parts = [`# ${told.title}`];
  told.sections.filter((one) => one.text !== undefined).forEach((one) => parts.push(`## ${one.heading}`, one.text));
  return `${parts.filter(Boolean).join('\n\n')}\n`;
};
const given = () => {
  window.studioDesk?.seen('article', props.value);
  if (props.value !== shown) draw();
};
window.studioDesk?.joined('article', { markdown, get: () => props.value, set: (value) => { props.value = value; draw(); trigger('input'); } });
watch('value', given);
given();
