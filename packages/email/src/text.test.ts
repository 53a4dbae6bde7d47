import { describe, expect, it } from 'vitest';
import { htmlToText } from './text.ts';

describe('the plain text of a template', () => {
  it('keeps words, lines and links, and nothing of the markup', () => {
    const html = `<!doctype html><html><head><title>T</title><style>p { color: red }</style></head><body>
      <div style="display:none;font-size:1px;">Preview</div><!--[if mso]><table><tr><td>Outlook<![endif]-->
      <h1>Big</h1><p>Hello   <strong>{{name}}</strong>,<br>two<br/>three</p>
      <p>Go <a class="x" href="{{url}}">there now</a> &amp; back. <img src="x.png" alt="A cat"></p>
      <ul><li>one</li><li>&#169; &#x2014; &unknown;</li></ul></body></html>`;
    expect(htmlToText(html)).toBe(
      'Big\n\nHello {{name}},\ntwo\nthree\n\nGo there now <{{url}}> & back. A cat\n\n- one\n- © — &unknown;',
    );
  });

  it('says an address once when it is its own label', () => {
    expect(htmlToText('<a href="https://example.org">https://example.org</a>')).toBe('https://example.org');
  });
});
