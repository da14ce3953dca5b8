// The library on the page: the bar under each result, the tab with its grid and list, and the viewer over the page.
// What people wrote is only ever set as text, never as HTML.
(() => {
  const words = () => window.studioWords[window.studio.locale()].library;
  const say = (key, fields = {}) => Object.entries(fields)
    .reduce((text, [name, value]) => text.replace(`{${name}}`, value), words()[key] ?? key);
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else if (name === 'text') node.textContent = value;
      else if (value === true) node.setAttribute(name, '');
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.filter(Boolean));
    return node;
  };
  const button = (key, onclick, more = {}) => make('button', { type: 'button', class: 'act', text: say(key), onclick, ...more });
  const note = (text) => {
    const told = make('div', { class: 'studio-note', role: 'status', text });
    document.body.append(told);
    setTimeout(() => told.remove(), 3500);
  };
  const ask = async (path, body) => {
    const answer = await fetch(path, body === undefined ? {} : {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
    });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.detail?.replace?.(/<[^>]*>/g, '') || say('failed'));
    return told;
  };
  const tried = (work) => async (...given) => {
    try { return await work(...given); } catch (error) { note(error.message); return undefined; }
  };
  const day = (seconds) => new Date(seconds * 1000).toLocaleString(window.studio.locale(), { dateStyle: 'medium', timeStyle: 'short' });
  const did = tried((fields) => ask('/library/do', fields));

  // Stars: a group of radios, so that arrows and readers know them; the same star again takes them back.
  const stars = (state, changed) => {
    const row = make('div', { class: 'stars', role: 'radiogroup', 'aria-label': say('rate') });
    const draw = () => row.replaceChildren(...[1, 2, 3, 4, 5].map((count) => make('button', {
      type: 'button', role: 'radio', class: count <= (state.rating || 0) ? 'star on' : 'star', text: '★',
      'aria-checked': String(count === state.rating), 'aria-label': say('stars', { count }), title: say('stars', { count }),
      onclick: async () => {
        const rating = count === state.rating ? 0 : count;
        if (await changed({ ...state, rating }) !== undefined) { state.rating = rating || null; draw(); }
      },
    })));
    draw();
    return row;
  };
  const rater = (work, version, state) => {
    const why = make('input', { type: 'text', class: 'why', maxlength: 500, placeholder: say('why'), 'aria-label': say('why'), value: state.why || '' });
    const send = (next) => did({ do: 'rate', work, version, rating: next.rating || 0, why: why.value });
    why.addEventListener('change', () => { if (state.rating) send(state); });
    why.hidden = !state.rating;
    const row = stars(state, async (next) => { const done = await send(next); why.hidden = !next.rating; return done; });
    return make('div', { class: 'rating' }, row, why);
  };

  // The bar under a result.
  const bar = (element, props) => {
    const place = element.querySelector('.kept') || element;
    const draw = async () => {
      const { value } = props;
      const kept = value ? JSON.parse(value) : null;
      if (!kept) { place.replaceChildren(); return; }
      if (kept.error) { place.replaceChildren(make('p', { class: 'note', role: 'alert' })); place.firstChild.innerHTML = kept.error; return; }
      const { kind } = place.dataset;
      const [version, latest] = await Promise.all([
        tried(ask)(`/library/works/${kept.work}/${kept.version}`), tried(ask)(`/library/works?kind=${kind}&limit=8`)]);
      if (value !== props.value) return; // an answer that came late must not stand in the place of a newer one
      if (!version) { place.replaceChildren(); return; }
      const line = make('div', { class: 'kept-line' },
        make('span', { class: 'note', text: say('kept', { version: kept.version }) }),
        rater(kept.work, kept.version, version),
        button('history', () => viewer.open(kept.work, kept.version, [])));
      place.replaceChildren(line, strip(latest?.works || []));
    };
    element.studioDraw = draw;
    draw();
    if (props.value) remember(place.dataset.tab);
  };

  // Drafts: a moment after the last change in a tab, and at the latest so long after the first, its form is saved.
  const WAIT = 700;
  const LATEST = 1500;
  const TABS = ['write', 'code', 'image', 'enlarge'];
  let ready = false;
  const waiting = {};
  const remember = (tab) => {
    const name = tab === 'image-plot' ? 'image' : tab;
    const wait = waiting[name] ??= { since: 0 };
    const now = Date.now();
    wait.since ||= now;
    clearTimeout(wait.timer);
    wait.timer = setTimeout(() => {
      wait.since = 0;
      const save = document.getElementById(`${name}-remember`);
      // Before the forms are filled they are empty, and saved so would be in the place of what was left in them.
      if (save && ready) save.click(); else if (TABS.includes(name)) remember(name);
    }, Math.max(0, Math.min(WAIT, wait.since + LATEST - now)));
  };
  const changed = ({ target, isTrusted }) => {
    const tab = target.closest?.('.tabitem, [role=tabpanel]')?.id?.replace(/^tab-/, '');
    if (TABS.includes(tab) && isTrusted) remember(tab);
  };
  for (const kind of ['input', 'change', 'click', 'drop', 'paste', 'keyup']) document.addEventListener(kind, changed, true);
  const strip = (works) => works.length < 2 ? '' : make('div', { class: 'latest', 'aria-label': say('latest') },
    ...works.map((work) => tile(work, () => viewer.open(work.id, 0, works))));
  const face = (work) => work.cover
    ? make('img', { src: work.cover, alt: '', loading: 'lazy', onerror: ({ target }) => target.replaceWith(make('span', { class: 'blank', text: say('gone') })) })
    : make('span', { class: `blank ${work.kind}`, text: work.title.slice(0, 90), dir: 'auto' });
  const tile = (work, onclick) => make('button', { type: 'button', class: 'tile', title: work.title, 'aria-label': work.title, onclick }, face(work));

  // The tab.
  const page = {
    works: [], after: '', total: 0, chosen: new Set(), filters: {}, list: false, trash: false, busy: 0,
    mount(element, trigger) {
      this.trigger = trigger;
      this.place = element.querySelector('.library');
      this.place.addEventListener('dragstart', (event) => event.preventDefault());
      this.render();
    },
    field(name, control) {
      control.dataset.filter = name;
      control.addEventListener(control.tagName === 'INPUT' && control.type === 'search' ? 'input' : 'change', () => {
        this.filters[name] = control.type === 'checkbox' ? (control.checked ? '1' : '') : control.value;
        clearTimeout(this.later);
        this.later = setTimeout(() => this.load(), control.type === 'search' ? 250 : 0);
      });
      return control;
    },
    select(name, choices) {
      const control = make('select', { 'aria-label': say(name) }, ...choices.map(([value, text]) => make('option', { value, text })));
      control.value = this.filters[name] || choices[0][0];
      return this.field(name, control);
    },
    render() {
      const { filters } = this;
      const search = this.field('query', make('input', { type: 'search', placeholder: say('search'), 'aria-label': say('search'), value: filters.query || '', maxlength: 400 }));
      this.kinds = this.select('kind', [['', say('every_kind')], ...['article', 'snippet', 'picture', 'enlargement', 'plot'].map((kind) => [kind, say(`kind.${kind}`)])]);
      this.models = this.select('model', [['', say('every_model')]]);
      this.tags = this.select('tag', [['', say('every_tag')]]);
      const rating = this.select('rating', [['', say('every_rating')], ...[1, 2, 3, 4, 5].map((count) => [String(count), `${'★'.repeat(count)}${count < 5 ? ' +' : ''}`])]);
      const sort = this.select('sort', ['newest', 'oldest', 'title', 'rating'].map((name) => [name, say(`sort.${name}`)]));
      const date = (name) => make('label', { class: 'day' }, make('span', { text: say(name) }), this.field(name, make('input', { type: 'date', value: filters[name] || '' })));
      const favourite = this.field('favourite', make('input', { type: 'checkbox' }));
      favourite.checked = Boolean(filters.favourite);
      const folds = make('details', { class: 'more-filters' }, make('summary', { text: say('filters') }),
        make('div', { class: 'filters' }, this.models, this.tags, rating, date('since'), date('until'), make('label', { class: 'day' }, favourite, make('span', { text: say('favourites') }))));
      folds.open = Boolean(filters.model || filters.tag || filters.rating || filters.since || filters.until || filters.favourite);
      this.told = make('span', { class: 'note', role: 'status' });
      this.warned = make('p', { class: 'note', role: 'alert' });
      this.grid = make('div', { class: 'works', role: 'list' });
      this.selection = make('div', { class: 'selection' });
      this.more = button('more', () => this.load(true), { class: 'act more' });
      this.place.replaceChildren(
        make('div', { class: 'library-bar' }, search, this.kinds, sort,
          button(this.list ? 'as_grid' : 'as_list', () => { this.list = !this.list; this.render(); }),
          button(this.trash ? 'leave_trash' : 'trash', () => { this.trash = !this.trash; this.chosen.clear(); this.render(); })),
        make('div', { class: 'making' }), folds, this.warned, make('div', { class: 'library-told' }, this.told, this.selection), this.grid, this.more);
      making.look();
      this.load();
    },
    async load(further = false) {
      const turn = this.busy += 1;
      const asked = new URLSearchParams({ ...this.filters, limit: '60', ...(this.trash ? { trashed: '1' } : {}), ...(further ? { after: this.after } : {}) });
      const [found, facets] = await Promise.all([tried(ask)(`/library/works?${asked}`), further ? null : tried(ask)('/library/facets')]);
      if (turn !== this.busy || !found) return;
      this.works = further ? [...this.works, ...found.works] : found.works;
      this.after = found.after;
      this.total = found.total;
      if (facets) this.facets(facets);
      this.draw();
    },
    facets({ models, tags, retiring, nearly_full: nearly }) {
      for (const [control, name, first, values] of [[this.models, 'model', 'every_model', models], [this.tags, 'tag', 'every_tag', tags]]) {
        control.replaceChildren(make('option', { value: '', text: say(first) }), ...values.map((value) => make('option', { value, text: value })));
        control.value = this.filters[name] || '';
      }
      this.warned.textContent = [retiring ? say('retiring', { count: retiring }) : '', nearly ? say('nearly_full') : ''].filter(Boolean).join(' ');
    },
    draw() {
      this.told.textContent = this.total ? say(this.total === 1 ? 'one' : 'count', { count: this.total }) : '';
      this.grid.className = this.list ? 'works list' : 'works';
      const empty = Object.values(this.filters).some(Boolean) ? 'none_found' : this.trash ? 'trash_empty' : 'empty';
      this.grid.replaceChildren(...(this.works.length ? this.works.map((work) => this.card(work)) : [make('div', { class: 'nothing' }, make('h2', { text: say(`${empty}.title`) }), make('p', { text: say(`${empty}.text`) }))]));
      this.more.hidden = !this.after;
      this.act();
    },
    card(work) {
      const box = make('input', { type: 'checkbox', class: 'choose', 'aria-label': say('choose', { title: work.title }) });
      box.checked = this.chosen.has(work.id);
      box.addEventListener('change', () => { this.chosen[box.checked ? 'add' : 'delete'](work.id); this.act(); });
      const heart = make('button', { type: 'button', class: work.favourite ? 'heart on' : 'heart', text: '♥', 'aria-pressed': String(work.favourite), 'aria-label': say('favourite'), title: say('favourite'), onclick: async () => {
        if (await did({ do: 'change', works: [work.id], favourite: !work.favourite })) { work.favourite = !work.favourite; this.draw(); }
      } });
      return make('div', { class: 'card', role: 'listitem' }, box, heart,
        make('button', { type: 'button', class: 'open', 'aria-label': work.title, onclick: () => viewer.open(work.id, 0, this.works) }, face(work)),
        make('div', { class: 'about' }, make('span', { class: 'title', text: work.title, dir: 'auto', title: work.title }),
          make('span', { class: 'note', text: [say(`kind.${work.kind}`), work.model, day(work.changed), work.rating ? '★'.repeat(work.rating) : ''].filter(Boolean).join(' · ') })));
    },
    act() {
      const works = [...this.chosen];
      const done = async (fields) => { if (await did({ works, ...fields })) { this.chosen.clear(); this.load(); } };
      const parts = this.trash ? [works.length && button('bring_back', () => done({ do: 'bring_back' })),
        works.length && button('delete', () => { if (confirm(say('delete_sure', { count: works.length }))) done({ do: 'empty' }); }),
        !works.length && this.works.length && button('empty_trash', async () => { if (confirm(say('empty_sure')) && await did({ do: 'empty' })) this.load(); })]
        : works.length ? [make('span', { class: 'note', text: say('chosen', { count: works.length }) }),
          button('add_tag', () => { const tag = prompt(say('which_tag')); if (tag) done({ do: 'change', add_tags: [tag] }); }),
          button('favourite', () => done({ do: 'change', favourite: true })), button('export', () => this.exported(works)),
          button('throw_away', () => done({ do: 'trash' })), button('choose_none', () => { this.chosen.clear(); this.draw(); })] : [];
      this.selection.replaceChildren(...parts.filter(Boolean));
    },
    exported: tried(async (works) => {
      note(say('exporting'));
      const answer = await fetch('/library/export', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ works }) });
      if (!answer.ok) throw new Error((await answer.json()).detail);
      const link = make('a', { href: URL.createObjectURL(await answer.blob()), download: 'works.zip' });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }),
  };

  // The viewer over the page.
  const viewer = {
    works: [],
    async open(work, version, works) {
      this.works = works;
      this.from ??= document.activeElement;
      const turn = this.turn = {};
      const [found, whole] = await Promise.all([tried(ask)(`/library/works/${work}`), tried(ask)(`/library/works/${work}/${version || 0}`)]);
      if (turn !== this.turn || !found || !whole) return;
      this.work = found;
      this.shown = whole;
      this.against = null;
      this.zoom = false;
      this.draw();
    },
    close() {
      this.dialog?.remove();
      this.dialog = null;
      this.from?.focus?.();
      this.from = null;
      if (page.place?.offsetParent) page.load();
    },
    step(by) {
      const at = this.works.findIndex(({ id }) => id === this.work.id);
      const next = this.works[at + by];
      if (at >= 0 && next) this.open(next.id, 0, this.works);
    },
    draw() {
      const { work, shown } = this;
      if (!this.dialog) {
        this.dialog = make('div', { class: 'viewer', role: 'dialog', 'aria-modal': 'true', tabindex: -1 });
        document.body.append(this.dialog);
        this.dialog.addEventListener('keydown', (event) => {
          if (event.target.matches('input, textarea, select') && event.key !== 'Escape') return;
          const act = { Escape: () => this.close(), ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1) }[event.key];
          if (act) { event.preventDefault(); event.stopPropagation(); act(); }
          if (event.key === 'Tab') this.hold(event);
        });
        this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.close(); });
      }
      // Gradio lets rules for small screens reach no further than its own part of the page.
      this.dialog.classList.toggle('narrow', innerWidth < 760);
      this.dialog.setAttribute('aria-label', work.title);
      this.dialog.replaceChildren(make('div', { class: 'viewer-box' },
        make('header', {}, make('h2', { text: work.title, dir: 'auto' }),
          this.works.length > 1 && button('before', () => this.step(-1)), this.works.length > 1 && button('after', () => this.step(1)),
          button('close', () => this.close())),
        make('div', { class: 'viewer-body' }, this.stage(), make('aside', {}, this.actions(), rater(work.id, shown.number, shown), this.about(), this.history()))));
      this.dialog.focus();
    },
    hold(event) {
      const inside = [...this.dialog.querySelectorAll('button, input, select, a[href]')].filter((node) => node.offsetParent);
      const [first, last] = [inside[0], inside.at(-1)];
      if (event.shiftKey && (document.activeElement === first || document.activeElement === this.dialog)) { event.preventDefault(); last.focus(); }
      if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); first.focus(); }
    },
    results: (version) => version.files.filter(({ role, name }) => role === 'result' && /\.(png|jpe?g|webp|gif)$/i.test(name)),
    told: (version) => version.made.code ?? version.made.text ?? version.made.infotext ?? '',
    stage() {
      const { shown, against } = this;
      const [picture] = this.results(shown);
      if (against) return this.compared(against, shown);
      if (!picture) return make('div', { class: 'stage text' }, make('pre', { class: shown.made.code ? 'code' : 'prose', text: this.told(shown), dir: 'auto', tabindex: 0 }));
      const image = make('img', { src: picture.url, alt: this.work.title, class: this.zoom ? 'zoomed' : '', title: say('zoom'),
        onclick: () => { this.zoom = !this.zoom; image.classList.toggle('zoomed', this.zoom); },
        onload: () => image.classList.toggle('small', image.naturalWidth < 400),
        onerror: ({ target }) => target.replaceWith(make('p', { class: 'blank', text: say('file_gone') })) });
      return make('div', { class: 'stage' }, image);
    },
    compared(old, fresh) {
      const [a] = this.results(old);
      const [b] = this.results(fresh);
      if (a && b) {
        const top = make('img', { src: a.url, alt: say('version', { number: old.number }) });
        const clip = make('div', { class: 'clip' }, top);
        const slide = make('input', { type: 'range', min: 0, max: 100, value: 50, 'aria-label': say('compare'), oninput: () => { clip.style.clipPath = `inset(0 ${100 - slide.value}% 0 0)`; } });
        clip.style.clipPath = 'inset(0 50% 0 0)';
        return make('div', { class: 'stage' }, make('div', { class: 'pair-of' }, make('img', { src: b.url, alt: say('version', { number: fresh.number }) }), clip), slide);
      }
      return make('div', { class: 'stage text' }, make('pre', { class: 'diff', dir: 'auto', tabindex: 0 }, ...difference(this.told(old), this.told(fresh))));
    },
    about() {
      const { shown, work } = this;
      const facts = [[say('what'), say(`kind.${work.kind}`)], [say('model'), shown.model], [say('date'), day(shown.created)],
        [say('seconds'), shown.seconds], [say('tokens'), shown.tokens], [say('tags'), work.tags.join(', ')]];
      const asked = shown.asked.prompt || shown.asked.description || shown.asked.brief?.topic || '';
      return make('div', { class: 'facts' }, ...facts.filter(([, value]) => value != null && value !== '').map(([name, value]) => make('p', {}, make('b', { text: `${name} ` }), make('span', { text: String(value) }))),
        asked && make('p', { class: 'asked', text: asked, dir: 'auto' }), shown.made.infotext && make('pre', { class: 'infotext', text: shown.made.infotext, dir: 'auto' }));
    },
    actions() {
      const { work, shown } = this;
      const [picture] = this.results(shown);
      const file = picture || shown.files.find(({ role }) => role === 'result');
      const send = (act, more = {}) => { page.trigger?.('submit', { act, work: work.id, version: shown.number, ...more }); this.close(); };
      const extension = work.kind === 'article' ? 'md' : 'txt';
      const once = (name) => async () => {
        const saved = await did({ do: name, work: work.id, version: shown.number });
        if (saved) { note(say(`${name}_done`)); this.open(saved.work, saved.version, this.works); }
      };
      const parts = ['prompt', 'settings', 'seed', 'controls'];
      const boxes = parts.map((part) => { const box = make('input', { type: 'checkbox', value: part }); box.checked = part !== 'seed'; return box; });
      const remix = work.kind === 'picture' && make('details', { class: 'remix' }, make('summary', { text: say('remix') }),
        ...boxes.map((box) => make('label', {}, box, make('span', { text: say(`part.${box.value}`) }))),
        button('remix_start', () => send('remix', { parts: boxes.filter((box) => box.checked).map((box) => box.value) })));
      return make('div', { class: 'acts' }, button('open_in_tab', () => send('open'), { class: 'act main' }), remix,
        file ? make('a', { class: 'act', href: `${file.url}?download`, download: file.name, text: say('download') }) : button('download', () => window.studio.save(this.told(shown), work.title, extension)),
        !picture && button('copy', () => window.studio.copy(this.told(shown))),
        picture && button('to_enlarge', () => send('enlarge')), picture && button('to_picture', () => send('picture')),
        picture && button('to_article', () => send('article')),
        shown.number !== work.versions && button('restore', once('restore')), button('branch', once('branch')),
        button('share', tried(async () => {
          const { link } = await ask('/library/do', { do: 'share', work: work.id, version: shown.number });
          shown.link = link;
          this.draw();
          await window.studio.copy(location.origin + link);
          note(say('share_done'));
        })),
        shown.link && button('revoke', async () => {
          if (await did({ do: 'revoke', work: work.id, version: shown.number })) { shown.link = null; note(say('revoke_done')); this.draw(); }
        }),
        button('export', () => page.exported([work.id])),
        button(work.trashed ? 'bring_back' : 'throw_away', async () => { if (await did({ do: work.trashed ? 'bring_back' : 'trash', works: [work.id] })) { note(say(work.trashed ? 'brought_back' : 'thrown_away')); this.close(); } }));
    },
    history() {
      const { work, shown } = this;
      const row = (version) => make('li', { class: version.number === shown.number ? 'on' : '' },
        make('button', { type: 'button', class: 'open', onclick: () => this.open(work.id, version.number, this.works) },
          make('b', { text: version.name || say('version', { number: version.number }) }),
          make('span', { class: 'note', text: [say(`how.${version.how}`), day(version.created), version.rating ? '★'.repeat(version.rating) : ''].filter(Boolean).join(' · ') })),
        button('rename', tried(async () => {
          const name = prompt(say('which_name'), version.name || '');
          if (name !== null && await did({ do: 'name', work: work.id, version: version.number, name })) this.open(work.id, shown.number, this.works);
        })),
        version.number !== shown.number && button('compare', tried(async () => { this.against = await ask(`/library/works/${work.id}/${version.number}`); this.draw(); })));
      return make('div', { class: 'history' }, make('h3', { text: say('history') }), make('ol', {}, ...work.history.map(row)));
    },
  };

  // Lines that both have, by the longest common run of them; long texts are compared by what their ends share.
  const difference = (old, fresh) => {
    let [a, b] = [old.split('\n'), fresh.split('\n')];
    const head = []; const tail = [];
    while (a.length && b.length && a[0] === b[0]) { head.push(a.shift()); b.shift(); }
    while (a.length && b.length && a.at(-1) === b.at(-1)) { tail.unshift(a.pop()); b.pop(); }
    const line = (kind, sign) => (text) => make('span', { class: kind, text: `${sign} ${text}\n` });
    const same = line('same', ' ');
    if (a.length * b.length > 4e6) return [...head.map(same), ...a.map(line('gone', '−')), ...b.map(line('new', '+')), ...tail.map(same)];
    const table = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i -= 1) for (let j = b.length - 1; j >= 0; j -= 1) table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    const middle = [];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) { middle.push(same(a[i])); i += 1; j += 1; }
      else if (j >= b.length || (i < a.length && table[i + 1][j] >= table[i][j + 1])) { middle.push(line('gone', '−')(a[i])); i += 1; }
      else { middle.push(line('new', '+')(b[j])); j += 1; }
    }
    return [...head.map(same), ...middle, ...tail.map(same)];
  };

  // Runs that go on without the page that began them: this one follows them, and the tab lists them.
  const underWay = async () => (await ask('/library/runs').catch(() => ({ runs: [] }))).runs;
  const attach = async () => {
    ready = true;
    for (const { job } of await underWay()) document.getElementById(`${job.replace(/-start$/, '')}-start-attach`)?.click();
  };
  const making = {
    row({ job, number }, key) {
      const stop = tried(async () => { await ask('/library/runs', { job, number }); this.look(); });
      const row = make('div', { class: 'making-row' }, make('b', { text: say(`job.${job.split('-')[0]}`) }), make('div', { class: 'making-status' }), button('stop', stop));
      row.dataset.run = key;
      return row;
    },
    async look() {
      const { place } = page;
      const list = place?.querySelector('.making');
      if (!list || !place.offsetParent) return;
      const runs = await underWay();
      // A row stays the same element as long as its run, so that its button is not taken from under a click.
      const ended = new Map([...list.children].map((row) => [row.dataset.run, row]));
      for (const run of runs) {
        const key = `${run.job} ${run.number}`;
        const row = ended.get(key) ?? list.appendChild(this.row(run, key));
        ended.delete(key);
        if (row.shown !== run.status) row.querySelector('.making-status').innerHTML = row.shown = run.status;
      }
      ended.forEach((row) => row.remove());
      if (this.before && runs.length < this.before) page.load();
      this.before = runs.length;
    },
  };
  setInterval(() => making.look(), 2000);

  const afresh = async (tab) => {
    if (await did({ do: 'afresh', tab })) location.assign(location.pathname);
  };
  window.studioLibrary = { note, attach, afresh, bar, mount: (element, trigger) => page.mount(element, trigger), reload: () => page.place && page.load(), open: (work) => viewer.open(work, 0, []) };
  document.addEventListener('studio:locale', () => { if (page.place) page.render(); document.querySelectorAll('.kept-bar').forEach((node) => (node.studioDraw || node.querySelector('.kept')?.parentElement?.studioDraw)?.()); });
})();
