// The outline as cards. The value is JSON text of {title, language, sections: [{id, heading, key_points, target_words}]}, or null.
// `labels` holds each label in both languages, as HTML.
const list = element.querySelector('.cards');
let shown = '';
let dragged = null;

const say = (key) => {
  const span = document.createElement('span');
  span.innerHTML = labels[key];
  return span;
};
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  node.append(...children);
  return node;
};
const current = () => (props.value ? JSON.parse(props.value) : null);
const keep = (change) => {
  const value = current();
  change(value);
  shown = JSON.stringify(value);
  props.value = shown;
  window.studioDesk?.seen('cards', shown);
  trigger('change');
};
const rearrange = (change) => {
  keep(change);
  draw();
};
const field = (key, control, name) => make('label', { class: name }, say(key), control);
const fit = (area) => {
  area.style.height = 'auto';
  // What is not in sight has no height yet.
  if (area.scrollHeight) area.style.height = `${area.scrollHeight + 2}px`;
};
let width = 0;
new ResizeObserver(() => {
  if (list.clientWidth === width) return;
  width = list.clientWidth;
  list.querySelectorAll('textarea').forEach(fit);
}).observe(list);

const tool = (key, sign, action, disabled) => {
  const button = make('button', { type: 'button', class: 'tool' }, make('i', { 'aria-hidden': 'true' }, sign), say(key));
  button.disabled = Boolean(disabled);
  button.addEventListener('click', action);
  return button;
};

const card = (section, index, count) => {
  const heading = make('input', { type: 'text', maxlength: 300 });
  heading.value = section.heading;
  heading.addEventListener('input', () => keep((v) => { v.sections[index].heading = heading.value; }));
  const points = make('textarea', { rows: 2 });
  points.value = section.key_points.join('\n');
  points.addEventListener('input', () => {
    fit(points);
    keep((v) => { v.sections[index].key_points = points.value.split('\n').filter((line) => line.trim()); });
  });
  const words = make('input', { type: 'number', min: 10, max: 20000, step: 10 });
  words.value = section.target_words;
  words.addEventListener('input', () => keep((v) => {
    v.sections[index].target_words = words.value === '' ? null : Number(words.value);
  }));
  const move = (by) => rearrange((v) => { v.sections.splice(index + by, 0, ...v.sections.splice(index, 1)); });
  const write = make('button', { type: 'button', class: 'tool strong' }, say('write'));
  write.addEventListener('click', () => trigger('submit', { index }));
  // The number is what a card is dragged by; the keyboard has the buttons.
  const grip = make('b', { 'aria-hidden': 'true', draggable: 'true' }, String(index + 1));
  grip.addEventListener('dragstart', (event) => { dragged = index; event.dataTransfer.effectAllowed = 'move'; event.dataTransfer.setDragImage(node, 16, 16); });
  grip.addEventListener('dragend', () => { dragged = null; list.querySelectorAll('.over').forEach((other) => other.classList.remove('over')); });
  const node = make(
    'li', {},
    make('div', { class: 'row' }, grip, field('heading', heading, 'wide')),
    field('points', points, 'points'),
    make(
      'div', { class: 'row foot' }, field('words', words, 'words'),
      tool('up', '↑', () => move(-1), index === 0),
      tool('down', '↓', () => move(1), index === count - 1),
      tool(section.locked ? 'unlock' : 'lock', section.locked ? '●' : '○', () => rearrange((v) => { v.sections[index].locked = !section.locked; })),
      tool('replan', '↻', () => trigger('select', { index })),
      tool('remove', '✕', () => rearrange((v) => v.sections.splice(index, 1)), count === 1),
      write,
    ),
  );
  node.addEventListener('dragover', (event) => { if (dragged !== null) { event.preventDefault(); node.classList.add('over'); } });
  node.addEventListener('dragleave', () => node.classList.remove('over'));
  node.addEventListener('drop', (event) => {
    if (dragged === null) return;
    event.preventDefault();
    const from = dragged;
    dragged = null;
    if (from !== index) rearrange((v) => { v.sections.splice(index, 0, ...v.sections.splice(from, 1)); });
    else draw();
  });
  return node;
};

const draw = () => {
  const value = current();
  shown = props.value;
  list.replaceChildren();
  if (!value) return;
  const title = make('input', { type: 'text', maxlength: 300, class: 'title' });
  title.value = value.title;
  title.addEventListener('input', () => keep((v) => { v.title = title.value; }));
  const cards = make('ol', {}, ...value.sections.map((section, i) => card(section, i, value.sections.length)));
  const add = tool('add', '+', () => rearrange((v) => v.sections.push({
    id: Math.random().toString(36).slice(2, 10), heading: '', key_points: [], target_words: 150,
  })), value.sections.length >= 12);
  const others = (value.alternative_titles || []).map((words) => {
    const pick = make('button', { type: 'button', class: 'tool chip', dir: 'auto' }, words);
    pick.addEventListener('click', () => rearrange((v) => {
      v.alternative_titles = v.alternative_titles.map((other) => (other === words ? v.title : other)).filter(Boolean);
      v.title = words;
    }));
    return pick;
  });
  const summary = make('textarea', { rows: 1, maxlength: 2000 });
  summary.value = value.summary || '';
  summary.addEventListener('input', () => { fit(summary); keep((v) => { v.summary = summary.value; }); });
  list.append(field('title', title, 'wide'));
  if (others.length) list.append(make('div', { class: 'others' }, say('others'), ...others));
  list.append(field('summary', summary, 'wide'), cards, add);
  requestAnimationFrame(() => list.querySelectorAll('textarea').forEach(fit));
};

const given = () => {
  window.studioDesk?.seen('cards', props.value);
  if (props.value !== shown) draw();
};
window.studioDesk?.joined('cards', { set: (value) => { props.value = value; draw(); } });
watch('value', given);
given();
draw();
