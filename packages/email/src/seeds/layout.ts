/** Colours and sizes of the seeded templates, once. */
const INK = '#1f2937';
const MUTED = '#6b7280';
const PAPER = '#ffffff';
const DESK = '#f3f4f6';
const ACCENT = '#4338ca';

/** One sheet on a grey desk: a heading, what the template says, and a last line that says why it came. */
export function layout(options: { heading: string; preview: string; body: string; footer: string }): string {
  return `<mjml lang="en">
  <mj-head>
    <mj-title>${options.heading}</mj-title>
    <mj-preview>${options.preview}</mj-preview>
    <mj-attributes>
      <mj-all font-family="-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" />
      <mj-text font-size="16px" line-height="1.5" color="${INK}" padding="8px 32px" />
      <mj-button background-color="${ACCENT}" color="${PAPER}" font-size="16px" font-weight="600" border-radius="8px" inner-padding="14px 28px" padding="20px 32px" align="left" />
    </mj-attributes>
  </mj-head>
  <mj-body background-color="${DESK}" width="560px">
    <mj-section padding="24px 0 0" />
    <mj-section background-color="${PAPER}" border-radius="12px" padding="24px 0">
      <mj-column>
        <mj-text font-size="24px" line-height="1.25" font-weight="700">${options.heading}</mj-text>
${options.body}
      </mj-column>
    </mj-section>
    <mj-section padding="8px 0 24px">
      <mj-column>
        <mj-text font-size="13px" color="${MUTED}">${options.footer}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>`;
}

export const paragraph = (content: string) => `        <mj-text>${content}</mj-text>`;

/** What a caller wrote, with its line breaks. */
export const prose = (placeholder: string) =>
  paragraph(`<div style="white-space:pre-line">${placeholder}</div>`);

/** A button, and its address in words for who can't press it. */
export const action = (label: string, placeholder: string) =>
  `        <mj-button href="${placeholder}">${label}</mj-button>
        <mj-text font-size="13px" color="${MUTED}">If the button does nothing, open this address: ${placeholder}</mj-text>`;
