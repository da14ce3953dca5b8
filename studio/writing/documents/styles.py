"""How an article looks as a page of HTML: on a screen, and on paper, from WeasyPrint and from a browser alike."""

from typing import Final

SCREEN: Final = (
    "body{font:17px/1.75 system-ui,-apple-system,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;"
    "max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1c1917}h1{font-size:1.8rem;line-height:1.3}"
    "h2{font-size:1.3rem;margin-top:2.5rem}img{max-width:100%;height:auto}pre{padding:1rem;overflow-x:auto;"
    "background:#f5f5f4}code{font-family:ui-monospace,Consolas,monospace;font-size:.9em}table{border-collapse:collapse}"
    "td,th{border:1px solid #d6d3d1;padding:.3rem .6rem}blockquote{margin-inline:0;padding-inline-start:1rem;"
    "border-inline-start:3px solid #d6d3d1;color:#57534e}"
)
LATIN: Final = "'Noto Sans','Open Sans','Helvetica Neue','Segoe UI','Liberation Sans','DejaVu Sans'"
CHINESE: Final = "'Noto Sans CJK SC','PingFang SC','Microsoft YaHei'"
CODE: Final = "'Noto Sans Mono','DejaVu Sans Mono',ui-monospace,Consolas,'Noto Sans Mono CJK SC'"
PAPER: Final = (
    # A font for Chinese has Latin letters too, but none that slant, and its quotation marks are as wide as a character.
    f"@media print{{:root{{--words:{LATIN},{CHINESE},sans-serif;--code:{CODE},monospace}}"
    f":root:lang(zh){{--words:{CHINESE},sans-serif;--code:'Noto Sans Mono CJK SC',{CODE},monospace}}"
    f"@page{{size:A4;margin:22mm 20mm 24mm;@bottom-center{{content:counter(page);font:9pt {LATIN},{CHINESE},sans-serif;"
    "color:#78716c}}"
    "body{max-width:none;margin:0;padding:0;font:10.5pt/1.65 var(--words);font-variant-east-asian:proportional-width;"
    "overflow-wrap:break-word}:lang(zh)>body{font-variant-east-asian:normal}"
    "h1,h2,h3,h4,h5,h6{break-after:avoid;break-inside:avoid}h1{margin-top:0}p,li{orphans:2;widows:2}"
    "a{color:#0f766e}hr{border:0;border-top:1px solid #d6d3d1;margin:2em 0}"
    # Not so high that the page before it stays empty.
    "img{max-height:120mm;break-inside:avoid}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.45}"
    "code{font-family:var(--code);font-variant-east-asian:normal}"
    # Words stay whole in a table that has room for them; no table should be wider than the page.
    "table{margin:1em 0;font-size:.95em}tr{break-inside:avoid}:is(td,th) code,"
    ":is(td,th):first-child:nth-last-child(n+8),:is(td,th):first-child:nth-last-child(n+8)~*{overflow-wrap:anywhere}"
    ":lang(zh) em{font-style:normal;text-decoration:underline dotted #78716c;text-underline-offset:.25em}}"
)
