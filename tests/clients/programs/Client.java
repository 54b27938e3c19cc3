import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** A stock HttpClient: it offers an upgrade to HTTP/2 with every request to a plain address. */
public class Client {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (String path : new String[] {"/ask", "/ask", "/ask/stream"}) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0] + path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(arguments[1]))
                .build();
            tell(client.send(request, HttpResponse.BodyHandlers.ofString()));
        }
        HttpRequest probe = HttpRequest.newBuilder(URI.create(arguments[0] + "/livez"))
            .method("HEAD", HttpRequest.BodyPublishers.noBody())
            .build();
        tell(client.send(probe, HttpResponse.BodyHandlers.ofString()));
    }

    private static void tell(HttpResponse<String> response) {
        System.out.println(response.statusCode() + " " + response.body().replace("\n", " "));
    }
}
