// What is asked for at a section, and what is shown there for once: changes, code, texts of versions before, proposals.
// It stands before `article.js`, whose functions it calls.
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
// What a change is asked for: what is selected in the editor, or the whole section.
const chosen = (id) => {
  const { text } = section(id);
  const area = nodes.get(id)?.querySelector('textarea.prose-editor');
  const [from, to] = area && area.selectionEnd > area.selectionStart ? [area.selectionStart, area.selectionEnd] : [0, text.length];
  return { before: text.slice(0, from), passage: text.slice(from, to), after: text.slice(to), part: to - from < text.length };
};
const rewrite = (id, change, instruction = '') => {
  const { before, passage, after } = chosen(id);
  if (passage.trim()) order({ do: 'rewrite', id, change, instruction, before, passage, after });
};
const changes = (id) => {
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

// Code: described, and put where the caret is, at the end, or in the place of the block that is there.
const FENCE = /^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ {0,3}\1[`~]*[ \t]*$/gm;
const blocks = (text) => [...text.matchAll(FENCE)].map((found) => ({ at: found.index, text: found[0], language: /^ {0,3}[`~]+\s*([^\s`]*)/.exec(found[0])[1] }));
const asked = new Map();
const coding = (id, block) => {
  const box = make('div', { class: 'changes coding' });
  const words = make('textarea', { rows: 2, maxlength: 4000 });
  const choice = make('select', {});
  languages.forEach(([name, label]) => choice.append(make('option', { value: name }, label)));
  const said = asked.get(id) || {};
  choice.value = said.language || (languages.some(([name]) => name === block?.language) ? block.language : 'python');
  words.value = said.words || '';
  box.addEventListener('input', () => asked.set(id, { words: words.value, language: choice.value }));
  const ask = () => {
    const { text } = section(id);
    const area = nodes.get(id)?.querySelector('textarea.prose-editor');
    const at = block ? block.at : area ? area.selectionEnd : text.length;
    const passage = block ? block.text : '';
    if (!words.value.trim()) { words.focus(); return; }
    order({ do: 'code', id, language: choice.value, instruction: words.value, before: text.slice(0, at), passage, after: text.slice(at + passage.length) });
  };
  words.addEventListener('keydown', (event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); ask(); } });
  box.append(make('div', { class: 'row' }, make('label', { class: 'wide' }, say('code.describe'), words)),
    make('div', { class: 'row' }, make('label', {}, say('code.language'), choice), tool('code.write', ask, 'tool strong')));
  return box;
};
const reported = (html) => {
  const box = make('details', { class: 'judged' });
  box.innerHTML = html;
  const head = box.querySelector('.score');
  if (head) { const summary = make('summary', {}); head.replaceWith(summary); summary.append(head); box.prepend(summary); }
  return box;
};
// Tools at each block of code, where the blocks of the text and of the page are the same.
const atCode = (prose, one) => {
  const found = blocks(one.text);
  const shownBlocks = [...prose.querySelectorAll('pre')];
  if (found.length !== shownBlocks.length) return;
  const { report } = current();
  shownBlocks.forEach((pre, number) => {
    const block = found[number];
    const again = tool('code.again', () => { open = { id: one.id, editing: false, panel: 'code', block }; draw(); });
    const score = tool('code.score', () => order({ do: 'score', id: one.id, language: block.language || 'python', passage: block.text }));
    const row = make('div', { class: 'acts rests code-acts' }, score, again);
    pre.after(row);
    if (report?.id === one.id && report.passage === block.text) row.after(reported(report.html));
  });
};

// What the section was before, each text a proposal.
const earlier = (id, texts) => {
  const box = make('div', { class: 'changes earlier' }, make('p', { class: 'note' }, say(texts.length ? 'earlier' : 'earlier.none')));
  const row = make('div', { class: 'row' });
  const take = (one) => { keep((value) => { value.earlier = null; value.proposal = { id, before: '', old: section(id).text, after: '', text: one.text, done: true, difference: one.difference }; }); draw(); };
  texts.forEach((one) => {
    const when = new Date(one.created * 1000).toLocaleString(window.studio.locale(), { dateStyle: 'short', timeStyle: 'short' });
    const button = make('button', { type: 'button', class: 'tool chip' }, say('earlier.version', { number: one.version }), ` · ${when}`);
    button.addEventListener('click', () => take(one));
    row.append(button);
  });
  box.append(row, tool('earlier.close', () => { keep((value) => { value.earlier = null; }); draw(); }));
  return box;
};

const proposal = (told) => {
  const box = make('div', { class: 'proposal', 'aria-live': 'polite' }, make('p', { class: 'note' }, say('proposal')));
  const text = make('div', { class: told.code ? 'difference code' : 'difference', dir: told.code ? 'ltr' : 'auto' });
  const lead = (words, place) => (told.code && !place ? words.replace(/^\n+/, '') : words);
  if (told.done) told.difference.forEach(([sign, words], place) => text.append(make(sign === '-' ? 'del' : sign === '+' ? 'ins' : 'span', {}, lead(words, place))));
  else text.append(lead(told.text, 0));
  box.append(text);
  if (told.report) box.append(reported(told.report));
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

