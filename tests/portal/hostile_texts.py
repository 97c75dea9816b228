"""A text that would do something if it were not made visible, and how pages show it."""

HOSTILE = "<script>alert('x')</script>\u202eexe.gnp\x07\x1b[31m\"'&" + "long" * 40
SEEN = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;⟨202E⟩exe.gnp⟨0007⟩⟨001B⟩[31m&#34;&#39;&amp;longlong"
