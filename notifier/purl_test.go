package notifier

import "testing"

func TestImagePURL(t *testing.T) {
	const digest = "sha256:0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"
	const escaped = "sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"
	for image, want := range map[string]string{
		"registry.example/shop/checkout:v1.2.3":       "pkg:oci/checkout?repository_url=registry.example/shop/checkout&tag=v1.2.3",
		"registry.example/shop/checkout@" + digest:    "pkg:oci/checkout@" + escaped + "?repository_url=registry.example/shop/checkout",
		"registry.example:5000/checkout:v1@" + digest: "pkg:oci/checkout@" + escaped + "?repository_url=registry.example:5000/checkout&tag=v1",
		"localhost/checkout":                          "pkg:oci/checkout?repository_url=localhost/checkout",
		"nginx":                                       "pkg:oci/nginx?repository_url=docker.io/library/nginx",
		"nginx:1.29":                                  "pkg:oci/nginx?repository_url=docker.io/library/nginx&tag=1.29",
		"bitnami/nginx:1.29":                          "pkg:oci/nginx?repository_url=docker.io/bitnami/nginx&tag=1.29",
		"":                                            "",
		"registry.example/shop/checkout@sha256:short":          "",
		"registry.example/shop/checkout:v1&tag=v2":             "",
		"registry.example/shop/check out":                      "",
		"registry.example/shop/checkout:":                      "pkg:oci/checkout?repository_url=registry.example/shop/checkout",
		"registry.example/\r\nevil":                            "",
		"registry.example/shop/checkout?repository_url=evil":   "",
		"registry.example/shop/checkout@" + digest + "@" + "x": "",
	} {
		if got := imagePURL(image); got != want {
			t.Errorf("imagePURL(%q) = %q, want %q", image, got, want)
		}
	}
}

func TestGenericPURL(t *testing.T) {
	for _, c := range []struct{ namespace, name, version, want string }{
		{"shop", "checkout", "v1.2.3", "pkg:generic/shop/checkout@v1.2.3"},
		{"shop", "checkout", "", "pkg:generic/shop/checkout"},
		{"shop", "checkout", "v1 2@x+y?z", "pkg:generic/shop/checkout@v1%202%40x%2By%3Fz"},
	} {
		if got := genericPURL(c.namespace, c.name, c.version); got != c.want {
			t.Errorf("genericPURL(%q, %q, %q) = %q, want %q", c.namespace, c.name, c.version, got, c.want)
		}
	}
}
