// The article. The value is JSON text of {title, sections, proposal}, or null; see `article.py`. `labels` holds each label
// in both languages, as HTML. What people and models wrote is set as text; `html` of a section was made safe.
const nav = element.querySelector('.sections');
const page = element.querySelector('.text');
let shown = '';
let open = { id: null, editing: false, panel: false };
const nodes = new Map();

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
  value.report = null;
  const one = value.sections.find((part) => part.id === id);
  if (one) { one.text = text; one.stale = true; one.unsure = []; one.state = one.state === 'empty' ? 'done' : one.state; }
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
  const area = nodes.get(id)?.querySelector('textarea.prose-editor');
  if (!area) return;
  fit(area);
  area.focus({ preventScroll: true });
  area.setSelectionRange(at ?? area.value.length, at ?? area.value.length);
};

const fill = (node, one, told) => {
  const editing = open.editing && open.id === one.id;
  const paneled = open.id === one.id && !told?.code && open.panel;
  const value = current();
  const before = value.earlier?.id === one.id ? value.earlier : null;
  const report = value.report?.id === one.id ? value.report : null;
  const key = JSON.stringify([one.heading, one.html, one.state, one.missing, editing, paneled, told, before, report]);
  // While somebody writes in it, a section is left as it is.
  if (node.key === key || (editing && node.editing && node.told === JSON.stringify([paneled, told, before]))) return;
  Object.assign(node, { key, editing, told: JSON.stringify([paneled, told, before]) });
  const written = node.querySelector('textarea.prose-editor');
  const caret = written ? [written.selectionStart, written.selectionEnd] : null;
  const acts = make('div', { class: 'acts rests' });
  acts.append(editing ? tool('done', close, 'tool strong') : tool('edit', () => edit(one.id)));
  acts.append(tool('rewrite', () => { open = { id: one.id, editing, panel: paneled === 'change' ? false : 'change' }; draw(); }));
  if (one.state === 'unfinished') acts.append(tool('go_on', () => order({ do: 'go_on', id: one.id }), 'tool strong'));
  if (document.getElementById('write-illustrate')) acts.append(tool('picture', () => order({ do: 'picture', id: one.id })));
  acts.append(tool('code', () => { open = { id: one.id, editing, panel: paneled === 'code' ? false : 'code' }; draw(); }));
  acts.append(tool('earlier', () => order({ do: 'earlier', id: one.id })));
  acts.append(tool('again', () => order({ do: 'again', id: one.id })));
  node.replaceChildren(make('div', { class: 'head' }, make('h2', { dir: 'auto' }, one.heading), acts));
  const box = paneled === 'change' ? changes(one.id) : paneled === 'code' ? coding(one.id, open.block) : null;
  if (box) node.append(box);
  if (before) node.append(earlier(one.id, before.texts));
  if (told) node.append(proposal(told));
  if (editing) {
    const area = make('textarea', { class: 'prose-editor', rows: 3, dir: 'auto', spellcheck: 'true' });
    area.value = one.text;
    area.addEventListener('input', () => { fit(area); put(one.id, area.value); });
    ['select', 'keyup', 'mouseup'].forEach((kind) => area.addEventListener(kind, () => box?.renew?.()));
    area.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); close(); } });
    node.append(area);
    requestAnimationFrame(() => { fit(area); if (caret) area.setSelectionRange(...caret); });
  } else {
    const prose = make('div', { class: 'prose', dir: 'auto' });
    prose.innerHTML = one.html;
    // One that was deleted from the library, or never was there: its place says what it was.
    prose.querySelectorAll('img').forEach((img) => img.addEventListener('error', () => img.replaceWith(make('em', {}, `[${img.alt}]`))));
    prose.addEventListener('dblclick', (event) => { if (!event.target.closest('button, summary')) edit(one.id); });
    atCode(prose, one);
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
  for (const pair of told.disagreeing || []) {
    list.append(...(pair === told.disagreeing[0] ? [make('dt', {}, say('disagreeing'))] : []), make('dd', { class: 'bad' }, ...[pair.first, pair.second].map(([place, said]) => {
      const words = said.replace(/[*_`]/g, '');
      const button = make('button', { type: 'button', class: 'place', dir: 'auto' }, `${place + 1}: ${words}`);
      button.addEventListener('click', () => find(words));
      return button;
    })));
  }
  if (told.skipped.length) row('skipped', told.skipped.map((place) => `${place + 1}`).join(', '), true);
  box.append(list);
  return box;
};

// The picture under the title.
const cover = (value, title) => {
  let box = page.querySelector('.cover');
  if (!box) { box = make('div', { class: 'cover' }); title.after(box); }
  const shownAs = JSON.stringify([value.cover?.html, Boolean(document.getElementById('write-illustrate'))]);
  if (box.shownAs === shownAs) return;
  box.shownAs = shownAs;
  box.innerHTML = value.cover?.html || '';
  box.querySelectorAll('img').forEach((img) => img.addEventListener('error', () => img.replaceWith(make('em', {}, `[${img.alt}]`))));
  const acts = make('div', { class: 'acts rests' });
  if (document.getElementById('write-illustrate')) acts.append(tool(value.cover ? 'cover.again' : 'cover', () => order({ do: 'cover', id: '' })));
  if (value.cover) acts.append(tool('cover.remove', () => order({ do: 'uncover', id: '' })));
  box.append(acts);
};

// Words that the model was unsure of, underlined while somebody wants to see them. They are found in what is shown by
// how often the same word stood before it.
let doubtful = false;
const within = (node, text, [start, end]) => {
  const word = text.slice(start, end);
  const count = (part) => part.split(word).length - 1;
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  let left = count(text.slice(0, start));
  while (walker.nextNode()) {
    const value = walker.currentNode.nodeValue;
    const here = count(value);
    if (left >= here) { left -= here; continue; }
    let at = value.indexOf(word);
    for (; left; left -= 1) at = value.indexOf(word, at + word.length);
    const range = document.createRange();
    range.setStart(walker.currentNode, at);
    range.setEnd(walker.currentNode, at + word.length);
    return range;
  }
  return null;
};
const doubts = (sections) => {
  if (!window.CSS?.highlights) return;
  const ranges = (doubtful ? sections : []).flatMap((one) => {
    const prose = nodes.get(one.id)?.querySelector('.prose');
    return prose ? (one.unsure || []).map((word) => within(prose, one.text, word)).filter(Boolean) : [];
  });
  CSS.highlights.set('unsure', new Highlight(...ranges));
};
const doubting = (sections) => {
  if (!window.CSS?.highlights || !sections.some((one) => one.unsure?.length)) return [];
  const box = make('input', { type: 'checkbox' });
  box.checked = doubtful;
  box.addEventListener('change', () => { doubtful = box.checked; doubts(sections); });
  return [make('label', { class: 'doubting' }, box, say('unsure'), make('small', {}, say('unsure.note')))];
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
  cover(value, title);
  begun.forEach((one, place) => {
    let node = nodes.get(one.id);
    if (!node) { node = make('section', { 'data-id': one.id }); nodes.set(one.id, node); }
    if (page.children[place + 2] !== node) page.insertBefore(node, page.children[place + 2] || null);
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
  nav.replaceChildren(make('ol', {}, ...rows), ...(figures ? [figures] : []), ...doubting(begun));
  doubts(begun);
};

const markdown = (value) => {
  const told = value ? JSON.parse(value) : null;
  if (!told) return '';
  const parts = [`# ${told.title}`, told.cover?.text];
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
