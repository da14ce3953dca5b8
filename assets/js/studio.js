(() => {
  // A model may write Markdown that shows a picture from anywhere, and asking for it would tell that place who reads.
  const policy = document.createElement('meta');
  policy.httpEquiv = 'Content-Security-Policy';
  policy.content = "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; frame-src 'self'";
  document.head.append(policy);

  const LOCALES = ['en', 'zh-CN'];
  const remember = (name, value) => { try { localStorage.setItem(`studio.${name}`, value); } catch { /* private mode */ } };
  const recall = (name) => { try { return localStorage.getItem(`studio.${name}`); } catch { return null; } };
  const browsers = () => {
    for (const tag of navigator.languages || [navigator.language]) {
      if (/^zh\b/i.test(tag)) return 'zh-CN';
      if (/^en\b/i.test(tag)) return 'en';
    }
    return 'en';
  };
  const chosen = recall('locale');
  let locale = LOCALES.includes(chosen) ? chosen : browsers();

  // Gradio keeps its own words and the labels in a store that only its bundle can reach. The bundle's core module
  // exports the setter under its own name; importing it again returns the module that already runs.
  performance.setResourceTimingBufferSize(2000);
  const core = () => performance.getEntriesByType('resource').map((entry) => entry.name)
    .find((name) => /\/assets\/core-[^/]+\.js/.test(name));
  const setLocale = async (next) => {
    locale = next;
    document.documentElement.lang = next;
    document.querySelectorAll('[data-locale]').forEach((button) => {
      button.setAttribute('aria-pressed', String(button.dataset.locale === next));
    });
    const address = core();
    if (address) (await import(address)).changeLocale(next);
    document.dispatchEvent(new Event('studio:locale'));
  };

  const theme = recall('theme');
  let dark = theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const setTheme = (next) => {
    dark = next;
    document.body.classList.toggle('dark', dark);
    document.querySelectorAll('[data-theme-switch]').forEach((button) => {
      button.setAttribute('aria-pressed', String(dark));
    });
  };

  const visible = (node) => node && node.offsetParent !== null && !node.disabled;
  const toast = (text) => {
    const note = Object.assign(document.createElement('div'), { className: 'studio-note', textContent: text });
    note.setAttribute('role', 'status');
    document.body.append(note);
    setTimeout(() => note.remove(), 1600);
  };
  const handedOver = (text, name) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const copied = (text) => {
    const area = Object.assign(document.createElement('textarea'), { value: text, className: 'quiet' });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  };

  window.studio = {
    locale: () => locale,
    language: () => (locale === 'zh-CN' ? 'zh' : 'en'),
    tabs: () => window.studioWords[locale].tabs.map((label) => ({ __type__: 'update', label })),
    copy: async (text) => {
      try { await navigator.clipboard.writeText(text || ''); } catch { copied(text || ''); }
      toast(window.studioWords[locale].copied);
    },
    save: (text, title, extension) => {
      const name = (title || 'studio').replace(/[\\/:*?"<>|\u0000-\u001f]+/g, ' ').trim().slice(0, 80) || 'studio';
      handedOver(text || '', `${name}.${String(extension || 'txt').replace(/^\./, '')}`);
    },
    // The very file that is shown, as Gradio holds it; a comparison holds two, of which the second is the result.
    saveShown: (shown) => {
      const file = Array.isArray(shown) ? shown[1] : shown;
      if (!file?.url) return;
      const link = Object.assign(document.createElement('a'), { href: file.url, download: file.orig_name || '' });
      link.click();
    },
    // A table that is drawn anew takes the focus away with its buttons; the same model's button gets it back.
    keepFocus: (table) => {
      let last = null;
      table.addEventListener('focusin', ({ target }) => { last = target.dataset.model ? { ...target.dataset } : null; });
      table.addEventListener('focusout', ({ target }) => { setTimeout(() => { if (target.isConnected) last = null; }); });
      new MutationObserver(() => {
        if (!last || document.activeElement !== document.body) return;
        const buttons = [...table.querySelectorAll('button[data-model]')].filter((b) => b.dataset.model === last.model);
        (buttons.find((button) => button.dataset.act === last.act) || buttons[0])?.focus({ preventScroll: true });
      }).observe(table, { childList: true, subtree: true });
    },
  };

  document.addEventListener('click', (event) => {
    const language = event.target.closest('[data-locale]');
    if (language) { remember('locale', language.dataset.locale); setLocale(language.dataset.locale); }
    if (event.target.closest('[data-theme-switch]')) { setTheme(!dark); remember('theme', dark ? 'dark' : 'light'); }
    const fold = event.target.closest('.advanced > button, .advanced .label-wrap');
    if (fold && event.isTrusted) {
      const name = fold.closest('.advanced').id;
      setTimeout(() => remember(`fold.${name}`, fold.classList.contains('open') ? 'open' : 'shut'));
    }
    const start = event.target.closest('.start');
    if (start) setTimeout(() => passFocus(start.id.replace('-start', '-stop')), 100);
  });
  // The button that had the focus is gone; its Stop takes it over, so that the keyboard stays where it was.
  const passFocus = (id) => { if (document.activeElement === document.body) document.getElementById(id)?.focus(); };

  // Ctrl/Cmd+Enter presses the primary button of the part one is in, Esc its Stop.
  const near = (kind) => {
    const active = document.activeElement;
    const those = (part) => [...(part?.querySelectorAll(`.${kind}`) || [])].filter(visible);
    const fold = those(active?.closest('.advanced'));
    const inside = those(active?.closest('.want, .result, .get'));
    const main = (found) => found.find((button) => button.closest('.launch')) || found[0];
    return main(fold) || main(inside) || main(those(document));
  };
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      const button = near('start');
      if (button) { event.preventDefault(); event.stopPropagation(); document.activeElement?.blur(); button.click(); }
    }
    if (event.key === 'Escape') near('stop')?.click();
  }, true);

  const unfold = (node) => {
    if (node.dataset.studioSeen) return;
    node.dataset.studioSeen = 'yes';
    if (recall(`fold.${node.id}`) !== 'open') return;
    // Gradio binds the fold's click after it has put the fold into the page.
    setTimeout(() => node.querySelector('button.label-wrap:not(.open)')?.click(), 50);
  };
  // Gradio tells the place in its queue in English only, and writes it anew whenever that changes.
  const queued = (line) => {
    const words = window.studioWords[locale];
    const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { currentNode } = texts;
      const [, place, count] = /^queue: (\d+)\/(\d*) \|/.exec(currentNode.nodeValue.trim()) || [];
      if (place) currentNode.nodeValue = `${words.queue.replace('{place}', place).replace('{count}', count)} | `;
      if (currentNode.nodeValue.startsWith('processing |')) currentNode.nodeValue = '';
    }
  };
  // What would change a work that is being written rests until it is done or stopped.
  const rest = (craft) => {
    const busy = craft.querySelector('.stop') !== null;
    craft.querySelectorAll('.rests').forEach((node) => { if (node.inert !== busy) node.inert = busy; });
  };
  // The article grows below its outline: where it begins is brought into sight, once a run.
  let followed = false;
  const follow = () => {
    const text = document.getElementById('write-page');
    if (!document.getElementById('write-article-stop')) { followed = false; return; }
    if (followed || !text?.offsetParent) return;
    followed = true;
    text.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  };
  const settle = () => {
    follow();
    document.querySelectorAll('.craft').forEach(rest);
    document.querySelectorAll('.progress-text').forEach(queued);
    document.querySelectorAll('.advanced').forEach(unfold);
    document.querySelectorAll('[data-locale]:not([aria-pressed])').forEach((button) => {
      button.setAttribute('aria-pressed', String(button.dataset.locale === locale));
    });
    if (document.body.classList.contains('dark') !== dark) setTheme(dark);
  };
  const start = () => {
    setTheme(dark);
    setLocale(locale);
    new MutationObserver(settle).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ['class'] });
  };
  if (document.body) start(); else document.addEventListener('DOMContentLoaded', start);
})();
