// The writing desk: which of its three steps is looked at, and the steps back and forward in what was made of them.
(() => {
  const parts = {};
  const values = { cards: null, article: null };
  const past = [];
  let place = -1;
  let chosen = 'brief';
  let settling;
  let moving = false;
  const desk = () => document.getElementById('write-desk');
  const busy = () => ['write-article-stop', 'write-outline-stop'].some((id) => document.getElementById(id));
  const read = (text) => { try { return text ? JSON.parse(text) : null; } catch { return null; } };
  const can = { brief: () => true, outline: () => Boolean(values.cards), text: () => Boolean(values.article) };

  const escaped = (text) => { const node = document.createElement('p'); node.textContent = text; return node.innerHTML; };
  // A picture of the studio is nobody else's to fetch, so it goes along.
  const inlined = async (address) => {
    const blob = await (await fetch(address)).blob();
    return new Promise((done) => { const reader = new FileReader(); reader.onload = () => done(reader.result); reader.readAsDataURL(blob); });
  };
  // The article once the text that was typed last has come back formatted.
  const formatted = async () => {
    const now = () => read(parts.article?.get());
    for (let tries = 0; tries < 50 && now()?.sections.some((one) => one.stale); tries += 1) await new Promise((done) => { setTimeout(done, 100); });
    return now();
  };
  const field = (name) => document.querySelector(`#write-${name} :is(textarea, input)`)?.value?.trim() || '';
  const folded = () => {
    const box = document.querySelector('#write-folded .folded');
    if (!box) return;
    const told = chosen === 'brief' ? ['', ''] : [field('topic') || read(values.cards)?.title || '', [field('audience'), field('tone')].filter(Boolean).join(' · ')];
    box.querySelector('b').textContent = told[0];
    box.querySelector('small').textContent = told[1];
  };
  const show = () => {
    const root = desk();
    if (!root) return;
    if (!can[chosen]()) chosen = can.outline() ? 'outline' : 'brief';
    if (root.dataset.step !== chosen) root.dataset.step = chosen;
    const left = read(values.article)?.sections.some((one) => one.state !== 'done') ? 'yes' : 'no';
    if (root.dataset.left !== left) root.dataset.left = left;
    root.classList.toggle('no-undo', place < 1);
    root.classList.toggle('no-redo', place >= past.length - 1);
    document.querySelectorAll('#write-steps button').forEach((button) => {
      button.disabled = !can[button.dataset.step]();
      button.setAttribute('aria-current', button.dataset.step === chosen ? 'step' : 'false');
    });
    document.querySelector('#write-steps .steps')?.classList.toggle('needless', !values.cards);
    folded();
  };
  const go = (step) => { chosen = step; show(); };

  // A step that can be taken back is what stands once nothing is under way and nobody is typing.
  const mark = () => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      if (busy()) { mark(); return; }
      const now = JSON.stringify(values);
      const plain = (text) => { const { cards, article } = JSON.parse(text); return JSON.stringify([read(cards), read(article)?.sections.map((one) => [one.id, one.text])]); };
      if (past[place] && plain(past[place]) === plain(now)) { past[place] = now; return; }
      if (!values.cards && place < 0) return;
      past.splice(place + 1);
      past.push(now);
      if (past.length > 60) past.shift();
      place = past.length - 1;
      show();
    }, 500);
  };
  const move = (by) => {
    if (busy() || !past[place + by]) return;
    place += by;
    const then = JSON.parse(past[place]);
    moving = true;
    parts.cards?.set(then.cards);
    parts.article?.set(then.article);
    moving = false;
    Object.assign(values, then);
    chosen = then.article && chosen !== 'outline' ? 'text' : 'outline';
    show();
  };
  const seen = (name, value) => {
    const before = values[name];
    values[name] = value || null;
    if (!moving) {
      const [old, now] = [read(before), read(values[name])];
      if (name === 'cards' && now && JSON.stringify(old?.sections.map((one) => one.id).sort()) !== JSON.stringify(now.sections.map((one) => one.id).sort()) && Math.abs((old?.sections.length ?? -9) - now.sections.length) !== 1) chosen = 'outline';
      if (name === 'article' && now && !old) chosen = 'text';
      mark();
    }
    show();
  };
  window.studioDesk = {
    go, seen, undo: () => move(-1), redo: () => move(1),
    joined: (name, part) => { parts[name] = part; },
    markdown: (value) => parts.article?.markdown(value) || '',
    copy: async (text) => {
      const told = await formatted();
      const html = told && `<h1>${escaped(told.title)}</h1>${told.cover?.html || ''}${told.sections.filter((one) => one.html !== undefined).map((one) => `<h2>${escaped(one.heading)}</h2>${one.html}`).join('')}`;
      try {
        const page = new DOMParser().parseFromString(html, 'text/html');
        await Promise.all([...page.querySelectorAll('img')].map(async (img) => { img.src = await inlined(img.getAttribute('src')); }));
        const parts = { 'text/html': page.body.innerHTML, 'text/plain': text };
        const blobs = Object.entries(parts).map(([kind, words]) => [kind, new Blob([words], { type: kind })]);
        await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
      } catch { await window.studio.copy(text); }
    },
    export: async (text, cards, format, keywords) => {
      const answer = await fetch('/library/article', {
        method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ text, format, keywords: keywords || '', summary: (read(cards)?.summary || '').slice(0, 500) }),
      });
      if (!answer.ok) { window.studioLibrary?.note((await answer.json().catch(() => ({}))).detail || String(answer.status)); return; }
      const name = decodeURIComponent(/filename\*=UTF-8''(.+)$/.exec(answer.headers.get('Content-Disposition') || '')?.[1] || `article.${format}`);
      const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(await answer.blob()), download: name });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    },
    forget: () => { past.length = 0; place = -1; },
  };
  document.addEventListener('click', (event) => {
    const step = event.target.closest?.('#write-steps button[data-step]');
    if (step && !step.disabled) go(step.dataset.step);
    if (event.target.closest?.('#write-folded .folded')) go('brief');
  });
  document.addEventListener('studio:locale', () => setTimeout(show));
  // Gradio may draw the desk anew, when its tab is opened for the first time.
  setInterval(() => { const root = desk(); if (root && !root.dataset.step) show(); }, 250);
})();
